"""An application as pages call it: `mysite.wsgi:application`."""

from hello import app as application

__all__ = ["application"]
