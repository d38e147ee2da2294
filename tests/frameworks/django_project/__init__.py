"""A Django project with the admin, sessions, forms, uploads and files."""
