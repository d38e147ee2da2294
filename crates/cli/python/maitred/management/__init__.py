"""What Django finds when ``maitred`` is one of ``INSTALLED_APPS``."""
