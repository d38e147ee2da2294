"""An application as pages call it: `shop.wsgi:application`."""

from hello import app as application

__all__ = ["application"]
