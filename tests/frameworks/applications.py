"""The applications of the framework tests, and their properties."""

from pathlib import Path

HERE = Path(__file__).parent
"""The folder from which they are imported."""

APPLICATIONS = {
    "django": "django_project.wsgi:application",
    "flask": "flask_app:app",
    "pyramid": "pyramid_app:app",
    "bottle": "bottle_app:app",
}

PASSWORD = "correct horse battery staple"
"""Of `chef`, who may enter the admin of the Django project."""
