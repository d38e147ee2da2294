"""A program to pack: it serves an application, asks it, and tells what came back.

With an argument, it uses Waitress, in whose place Maitred is; with others, the command line, with
one process or with several.
"""

import logging
import os
import signal
import sys
import threading
import urllib.request

import maitred


def app(environ, start_response):
    """Fail, or answer with the path."""
    if environ["PATH_INFO"] == "/fail":
        raise RuntimeError("a mistake")
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [environ["PATH_INFO"].encode()]


def last_app(environ, start_response):
    """Answer in a worker process, and stop its supervisor."""
    threading.Timer(0, os.kill, (os.getppid(), signal.SIGTERM)).start()
    return app(environ, start_response)


def ask(url: str) -> None:
    """Print an answer, and what an exception of the application makes of it."""
    with urllib.request.urlopen(f"{url}/packed", timeout=60) as answer:
        print(answer.status, answer.read().decode())
    try:
        urllib.request.urlopen(f"{url}/fail", timeout=60)
    except OSError as error:
        print(error)


def embedded() -> None:
    """Serve in a block."""
    with maitred.create_server(app, host="127.0.0.1", port=0) as server:
        ask(server.url)


def waitress() -> None:
    """Serve with Waitress's names."""
    maitred.install_as_waitress()
    import waitress

    server = waitress.create_server(app, host="127.0.0.1", port=0)
    running = threading.Thread(target=server.run)
    running.start()
    ask(f"http://127.0.0.1:{server.effective_port}")
    server.close()
    running.join(60)


def command_line() -> None:
    """Serve until a signal, as the command line does."""

    class Application:
        """Asks its own server, once."""

        def __call__(self, environ, start_response):
            """Answer."""
            threading.Timer(0, os.kill, (os.getpid(), signal.SIGTERM)).start()
            return app(environ, start_response)

    sys.modules["shop"] = type(sys)("shop")
    sys.modules["shop"].app = Application()
    serve("shop:app")


def workers() -> None:
    """Serve with several worker processes until a signal."""
    serve("program:last_app", "--workers=2")


def serve(application: str, *options: str) -> None:
    """Serve as the command line does, ask once, and print the exit status."""
    port = sys.argv[2]

    def ask_when_it_serves() -> None:
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/packed", timeout=60) as got:
                    print(got.status, got.read().decode())
                    return
            except OSError:  # it does not serve yet
                waiting.wait(0.05)

    waiting = threading.Event()
    asking = threading.Thread(target=ask_when_it_serves, daemon=True)
    asking.start()
    status = maitred.runner.run(["shop", f"--listen=127.0.0.1:{port}", *options, application])
    print(status)
    if status == 0:
        asking.join(60)


def main() -> None:
    """Do what the argument says."""
    logging.disable()
    ways = {"waitress": waitress, "command-line": command_line, "workers": workers}
    ways.get(" ".join(sys.argv[1:2]), embedded)()


if __name__ == "__main__":
    import maitred.runner

    main()
