"""Settings of a Django project, as the pages about Django and django-prodserver have them."""

SECRET_KEY = "for the pages of the documentation"
ALLOWED_HOSTS = ["*"]
WSGI_APPLICATION = "mysite.wsgi.application"
INSTALLED_APPS = ["django_prodserver", "maitred"]
PRODUCTION_PROCESSES = {
    "web": {
        "BACKEND": "maitred.django_prodserver.MaitredServer",
        "ARGS": {"host": "127.0.0.1", "port": "8000", "threads": "4"},
    }
}
