"""An application as pages call it: `shop:create_app()`."""

from hello import create_app

__all__ = ["create_app"]
