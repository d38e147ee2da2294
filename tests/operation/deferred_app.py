"""Tells whether reference counts can still be deferred: the application's, and another object's."""

import ctypes


def defer(thing):
    """Return 1 if that was possible: without a GIL, and not yet done."""
    enable = getattr(ctypes.pythonapi, "PyUnstable_Object_EnableDeferredRefcount", None)
    return enable(ctypes.py_object(thing)) if enable else 0


class Application:
    """An instance, because the interpreter does it for functions itself."""

    def __call__(self, environ, start_response):
        """Answer for the application and for another."""
        del environ
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [f"{defer(self)} {defer(Application())}".encode()]


app = Application()
