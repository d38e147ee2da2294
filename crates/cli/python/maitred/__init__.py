"""A production WSGI server: the drop-in successor of Waitress.

``maitred.serve(app)`` is all that most programs need. ``maitred.create_server(app)`` returns a
server object with an address, which can be started and stopped. The native module implements
both.
"""

from maitred import _native_imports as _native_imports
from maitred._hooks import Worker, hook, worker
from maitred._native import Server, __version__, create_server, serve
from maitred.paste import serve_paste
from maitred.settings import Settings
from maitred.waitress_alias import install_as_waitress

__all__ = [
    "Server",
    "Settings",
    "Worker",
    "__version__",
    "create_server",
    "hook",
    "install_as_waitress",
    "serve",
    "serve_paste",
    "worker",
]
