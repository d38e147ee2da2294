"""An application as pages call it: `myproject.wsgi:application`."""

from hello import app as application

__all__ = ["application"]
