"""An application as pages call it: `app:app`."""

from hello import app

__all__ = ["app"]
