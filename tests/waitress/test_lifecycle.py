"""Tests of every form in which programs run and stop a server, against Waitress itself.

A form prints what a program would notice; both servers have to print the same. The forms are those
of programs and libraries in public use.
"""

from __future__ import annotations

import pytest
from both_servers import INSTALL, PRELUDE, run, run_with_both

RUNNING = {
    "run-in-a-thread-and-close": """
        server = create_server(app, **LOCAL)
        thread = start(server.run)
        print(get(server, "/x"))
        server.close()
        print(ended(thread))
    """,
    "close-twice": """
        server = create_server(app, **LOCAL)
        thread = start(server.run)
        print(get(server))
        server.close()
        server.close()
        print(ended(thread))
    """,
    "close-before-run": """
        server = create_server(app, **LOCAL)
        server.close()
        server.run()
        print("returned", server._map)
    """,
    "serve-until-ctrl-c": """
        def interrupt():
            with socket.create_connection(("127.0.0.1", port), 60) as client:
                client.sendall(b"GET / HTTP/1.0\\r\\n\\r\\n")
                print(client.recv(15))
            os.kill(os.getpid(), signal.SIGINT)
        with socket.create_server(("127.0.0.1", 0)) as bound:
            port = bound.getsockname()[1]
            start(interrupt)
            serve(app, sockets=[bound])
        print("returned")
    """,
    "exit-in-a-signal-handler-of-the-program": """
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))
        server = create_server(app, **LOCAL)
        start(lambda: (get(server), os.kill(os.getpid(), signal.SIGTERM)))
        server.run()
        print("returned")
    """,
    "ctrl-c-in-a-handler-of-the-program": """
        def handler(*_):
            print("handler")
            raise KeyboardInterrupt
        signal.signal(signal.SIGINT, handler)
        server = create_server(app, **LOCAL)
        start(lambda: (get(server), os.kill(os.getpid(), signal.SIGINT)))
        server.run()
        print("returned")
    """,
    "exit-now-in-a-handler-of-the-program": """
        def handler(*_):
            raise wasyncore.ExitNow
        signal.signal(signal.SIGTERM, handler)
        server = create_server(app, **LOCAL)
        start(lambda: (get(server), os.kill(os.getpid(), signal.SIGTERM)))
        try:
            server.run()
        except wasyncore.ExitNow:
            print("passed on")
    """,
    "loop-in-slices-until-a-flag": """
        sockets, stopping = {}, threading.Event()
        server = create_server(app, map=sockets, **LOCAL)
        start(lambda: (print(get(server)), stopping.set()))
        while sockets and not stopping.is_set():
            wasyncore.loop(timeout=.1, count=1, map=sockets,
                           use_poll=server.adj.asyncore_use_poll)
        server.task_dispatcher.shutdown()
        wasyncore.close_all(sockets)
        print(sockets)
    """,
    "loop-until-a-signal-sets-a-flag": """
        stopping = []
        signal.signal(signal.SIGTERM, lambda *_: stopping.append(True))
        sockets = {}
        server = create_server(app, map=sockets, **LOCAL)
        start(lambda: (print(get(server)), os.kill(os.getpid(), signal.SIGTERM)))
        while not stopping:
            wasyncore.loop(timeout=.5, count=1, map=sockets)
        server.task_dispatcher.shutdown(timeout=2)
        wasyncore.close_all(map=sockets)
        print("ended")
    """,
    "loop-of-the-server-in-slices": """
        server, stopping = create_server(app, **LOCAL), threading.Event()
        def serve():
            while not stopping.is_set():
                server.asyncore.loop(timeout=.05, count=1, map=server._map)
        thread = start(serve)
        print(get(server))
        stopping.set()
        print(ended(thread))
        server.task_dispatcher.shutdown()
        server.asyncore.close_all(server._map)
        print(server._map)
    """,
    "loop-passes-ctrl-c-on": """
        server = create_server(app, **LOCAL)
        start(lambda: (get(server), os.kill(os.getpid(), signal.SIGINT)))
        try:
            wasyncore.loop(timeout=.5, map=server._map)
        except KeyboardInterrupt:
            print("interrupted", bool(server._map))
        wasyncore.close_all(server._map, ignore_all=True)
    """,
    "loop-of-two-servers-in-one-map": """
        sockets = {}
        first = create_server(app, sockets, **LOCAL)
        second = create_server(other, sockets, **LOCAL)
        thread = start(lambda: wasyncore.loop(timeout=.1, map=sockets))
        print(get(first), get(second))
        # From the thread of the loop, because Waitress's may fail when another closes a socket.
        first.trigger.pull_trigger(first.close)
        until(lambda: len(sockets) == 2)
        print(get(second))
        second.trigger.pull_trigger(second.close)
        print(ended(thread), sockets)
    """,
    "loop-of-nothing": """
        wasyncore.loop()
        print(wasyncore.socket_map)
    """,
    "a-server-that-is-not-started-until-later": """
        server = create_server(app, _start=False, **LOCAL)
        server.accept_connections()
        thread = start(server.run)
        print(get(server))
        server.close()
        print(ended(thread))
    """,
    "a-subclass-with-a-loop-of-its-own": """
        class Own(waitress.server.TcpWSGIServer):
            def run(self):
                self.asyncore.loop(.5, map=self._map)
        server = Own(app, **LOCAL)
        thread = start(server.run)
        print(get(server))
        while server._map:
            for entry in list(server._map.values()):
                entry.handle_close()
        server.maintenance(0)
        print(server.task_dispatcher.shutdown(), ended(thread))
    """,
    "several-sockets": """
        server = create_server(app, listen="127.0.0.1:0 127.0.0.1:0")
        print(type(server).__name__, len(server.effective_listen), len(server.map) > 1)
        thread = start(server.run)
        for host, port in server.effective_listen:
            with urllib.request.urlopen(f"http://{host}:{port}/y", timeout=60) as answer:
                print(answer.read())
        wasyncore.close_all(server.map)
        print(ended(thread), server.map)
    """,
    "a-unix-socket": """
        path = os.path.join(tempfile.mkdtemp(), "s")
        server = create_server(app, unix_socket=path)
        print(server.effective_host, server.effective_port == path, type(server).__name__)
        print(server.getsockname() == ("unix", path), server.socket.getsockname() == path)
        server.close()
    """,
    "bound-sockets": """
        bound = socket.socket()
        bound.bind(("127.0.0.1", 0))
        server = create_server(app, sockets=[bound])
        thread = start(server.run)
        print(get(server), int(server.effective_port) == bound.getsockname()[1])
        server.close()
        print(ended(thread))
    """,
}

STOPPING = {
    "close-every-entry": """
        server = create_server(app, **LOCAL)
        thread = start(server.run)
        print(get(server))
        for entry in list(server._map.values()):
            entry.close()
        server.task_dispatcher.shutdown()
        print(ended(thread), server._map)
    """,
    "handle-close-every-entry-until-there-is-none": """
        server = create_server(app, **LOCAL)
        thread = start(server.run)
        print(get(server))
        while server._map:
            for entry in list(server._map.values()):
                entry.handle_close()
        print(ended(thread), server._map)
    """,
    "shut-down-then-close-then-clear": """
        server = create_server(app, **LOCAL)
        thread = start(server.run)
        print(get(server))
        print(server.task_dispatcher.shutdown())
        server.close()
        server._map.clear()
        print(ended(thread))
    """,
    "close-then-shut-down": """
        server = create_server(app, **LOCAL)
        thread = start(server.run)
        print(get(server))
        server.close()
        print(server.task_dispatcher.shutdown(timeout=35), ended(thread))
    """,
    "shut-down-without-cancelling": """
        server = create_server(app, **LOCAL)
        thread = start(server.run)
        print(get(server))
        server.close()
        print(server.task_dispatcher.shutdown(cancel_pending=False), ended(thread))
    """,
    "shut-down-finishes-what-runs": """
        slow, answers = Slow(), []
        server = create_server(slow, **LOCAL)
        thread = start(server.run)
        asking = start(lambda: answers.append(get(server, "/slow")))
        slow.entered.acquire()
        threading.Timer(0.2, slow.leave.set).start()
        print(server.task_dispatcher.shutdown(), server.task_dispatcher.threads)
        print(ended(asking), answers)
        server.close()
        print(ended(thread))
    """,
    "shut-down-gives-up-in-time": """
        slow = Slow()
        server = create_server(slow, threads=1, **LOCAL)
        thread = start(server.run)
        start(lambda: get(server, "/slow"))
        slow.entered.acquire()
        print(server.task_dispatcher.shutdown(timeout=.1), len(server.task_dispatcher.threads))
        slow.leave.set()
        server.close()
        print(ended(thread))
    """,
    "no-thread-is-left": """
        dispatcher, channels = ThreadedTaskDispatcher(), {}
        dispatcher.set_thread_count(4)
        server = create_server(app, map=channels, _dispatcher=dispatcher, **LOCAL)
        thread = start(server.run)
        print(get(server))
        server.close()
        dispatcher.shutdown(timeout=5)
        with dispatcher.lock:
            print(dispatcher.threads)
        wasyncore.close_all(channels)
        print(ended(thread))
    """,
    "shut-down-what-never-ran": """
        server = create_server(app, **LOCAL)
        print(server.task_dispatcher.shutdown())
        server.close()
        print(server._map)
    """,
    "a-thunk-for-the-trigger": """
        server = create_server(app, **LOCAL)
        thread = start(server.run)
        print(get(server))
        server.pull_trigger()
        server.trigger.pull_trigger()
        server.trigger.pull_trigger(lambda: wasyncore.close_all(server._map))
        print(ended(thread), server._map)
    """,
    "a-thunk-that-fails": """
        server = create_server(app, **LOCAL)
        thread = start(server.run)
        server.trigger.pull_trigger(lambda: 1 / 0)
        print(get(server))
        server.trigger.pull_trigger(server.close)
        print(ended(thread))
    """,
    "an-application-that-closes-its-server": """
        def closing(environ, start_response):
            server.close()
            return app(environ, start_response)
        server = create_server(closing, **LOCAL)
        thread = start(server.run)
        try:
            get(server)
        except OSError:
            pass  # Waitress may cut the answer off
        print(ended(thread))
    """,
}

FORMS = {**RUNNING, **STOPPING}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_a_form_does_with_maitred_what_it_does_with_waitress(form):
    theirs, ours = run_with_both(form)
    assert ours == theirs


def test_entries_may_be_closed_while_they_are_iterated_over():
    # With Waitress, the map changes meanwhile, and that is a RuntimeError.
    form = """
server = create_server(app, **LOCAL)
thread = start(server.run)
print(get(server))
for entry in server._map.values():
    entry.close()
print(ended(thread), server._map)
"""
    assert run(INSTALL + PRELUDE + form) == "/\nTrue {}\n"


def test_a_handler_of_the_program_may_close_the_server():
    # With Waitress, the loop ends with an OSError about a closed descriptor.
    form = """
server = create_server(app, **LOCAL)
signal.signal(signal.SIGTERM, lambda *_: server.close())
start(lambda: (print(get(server)), os.kill(os.getpid(), signal.SIGTERM)))
server.run()
print("returned")
"""
    assert run(INSTALL + PRELUDE + form) == "/\nreturned\n"
