"""A production WSGI server: the drop-in successor of Waitress.

``maitred.serve(app)`` is all that most programs need; ``maitred.create_server(app)`` gives a
server that can be started, asked for its address, and stopped. Everything of substance is in the
native module; what is here is only how Python reaches it.
"""

from maitred._native import Server, __version__, create_server, serve
from maitred.paste import serve_paste
from maitred.waitress_alias import install_as_waitress

__all__ = [
    "Server",
    "__version__",
    "create_server",
    "install_as_waitress",
    "serve",
    "serve_paste",
]
