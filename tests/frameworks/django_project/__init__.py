"""A Django project with what real ones have: the admin, sessions, forms, uploads and files."""
