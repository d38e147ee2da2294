"""serve.py SERVER APP PORT THREADS: start a server that has no command line of its own."""

import importlib
import sys


def main():
    """Import the application, hand it to the server, and stay."""
    server, app, port, threads = sys.argv[1:5]
    module, _, attribute = app.partition(":")
    application = getattr(importlib.import_module(module), attribute)
    if server == "bjoern":
        import bjoern

        bjoern.run(application, "127.0.0.1", int(port))
    elif server == "fastwsgi":
        import fastwsgi

        fastwsgi.run(application, "127.0.0.1", int(port))
    elif server == "cheroot":
        from cheroot import wsgi

        address = ("127.0.0.1", int(port))
        made = wsgi.Server(address, application, int(threads), request_queue_size=1024, timeout=300)
        made.keep_alive_conn_limit = 20_000
        made.safe_start()
    else:
        sys.exit(f"no way to start {server}")


main()
