"""Tests of what programs read and set of a server object, against Waitress itself.

A form prints what a program would notice; both servers have to print the same.
"""

from __future__ import annotations

import pytest
from both_servers import run_with_both

FORMS = {
    "another-application-before-the-start": """
        server = create_server(app, **LOCAL)
        server.application = other
        thread = start(server.run)
        print(get(server))
        server.close()
        print(ended(thread))
    """,
    "another-application-while-it-runs": """
        server = create_server(app, clear_untrusted_proxy_headers=False, **LOCAL)
        print(server.application is app)
        thread = start(server.run)
        print(get(server))
        server.application = other
        print(get(server))
        server.close()
        print(ended(thread))
    """,
    "what-a-server-tells-of-itself": """
        server = create_server(app, **LOCAL)
        port = server.socket.getsockname()[1]
        print(server.effective_host, type(server.effective_port), server.server_name)
        print(server.effective_port == str(port), server.accepting, server.active_channels)
        print(server.getsockname() == ("127.0.0.1", str(port)), server.logger.name)
        thread = start(server.run)
        print(get(server), server.socket.getsockname()[1] == port)
        server.close()
        print(ended(thread), server.socket)
    """,
    "adjustments-of-a-server": """
        server = create_server(app, threads="3", ident="mine", **LOCAL)
        adj = server.adj
        print(adj.host, adj.port, adj.threads, adj.ident, adj.listen[0][3], adj.url_scheme)
        print(server.sockinfo == adj.listen[0], server.family, server.socktype)
        server.close()
    """,
    "lines-of-the-server-itself": """
        shape = "%(levelname)s %(name)s %(message)s"
        logging.basicConfig(level=logging.DEBUG, stream=sys.stdout, format=shape)
        server = create_server(app, **LOCAL)
        server.log("one"), server.log_info("two"), server.log_info("three", "warning")
        server.close()
    """,
    "what-programs-read-of-the-loop": """
        wasyncore._DISCONNECTED = wasyncore._DISCONNECTED.union({41})
        print(41 in wasyncore._DISCONNECTED, len(wasyncore._DISCONNECTED))
        print(sum(hasattr(each, "addr") for each in wasyncore.socket_map.values()))
        print(waitress.server.WSGIServer is waitress.server.TcpWSGIServer)
        print(issubclass(wasyncore.ExitNow, Exception))
    """,
    "a-server-of-a-test": """
        class Fake:
            def __init__(self, app, **kw):
                print(app, kw)
            def run(self):
                print("run")
        serve("app", _server=Fake, _quiet=True, port=1)
        print(waitress.serve_paste("app", None, _server=Fake, _quiet=True))
    """,
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_a_form_does_with_maitred_what_it_does_with_waitress(form):
    theirs, ours = run_with_both(form)
    assert ours == theirs
