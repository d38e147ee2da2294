"""Tests of the forms in which programs count and replace threads, against Waitress itself.

A form prints what a program would notice; both servers have to print the same.
"""

from __future__ import annotations

import pytest
from both_servers import run_with_both

FORMS = {
    "counts-while-requests-run-and-wait": """
        slow = Slow()
        server = create_server(slow, threads=1, **LOCAL)
        dispatcher, thread = server.task_dispatcher, start(server.run)
        asking = [start(lambda: get(server)) for _ in range(3)]
        slow.entered.acquire()
        until(lambda: len(dispatcher.queue) == 2)
        print(len(dispatcher.threads), dispatcher.active_count, bool(dispatcher.queue))
        print(len(server.active_channels))
        slow.leave.set()
        print([ended(each) for each in asking])
        until(lambda: (dispatcher.active_count, len(dispatcher.queue)) == (0, 0))
        server.close()
        print(ended(thread))
    """,
    "a-thread-count-before-the-start": """
        dispatcher = ThreadedTaskDispatcher()
        slow = Slow()
        server = create_server(slow, _dispatcher=dispatcher, **LOCAL)
        dispatcher.set_thread_count(2)
        thread = start(server.run)
        asking = [start(lambda: get(server)) for _ in range(3)]
        until(lambda: (dispatcher.active_count, len(dispatcher.queue)) == (2, 1))
        slow.leave.set()
        print([ended(each) for each in asking], len(dispatcher.threads))
        server.close()
        print(ended(thread))
    """,
    "the-names-of-threads": """
        def named(environ, start_response):
            start_response("200 OK", [])
            return [threading.current_thread().name.encode()]
        server = create_server(named, threads=1, **LOCAL)
        thread = start(server.run)
        print(get(server))
        server.close()
        print(ended(thread))
    """,
    "a-dispatcher-with-its-own-shutdown": """
        class Own(ThreadedTaskDispatcher):
            def shutdown(self, cancel_pending=True, timeout=5):
                print("own")
                return super().shutdown(cancel_pending, timeout)
        dispatcher = Own()
        dispatcher.set_thread_count(2)
        server = create_server(app, _dispatcher=dispatcher, threads=2, **LOCAL)
        start(lambda: (print(get(server)), os.kill(os.getpid(), signal.SIGINT)))
        server.run()
        print("returned")
    """,
    "a-dispatcher-that-acts-when-a-thread-ends": """
        left = []
        class Own(ThreadedTaskDispatcher):
            def handler_thread(self, thread_no):
                super().handler_thread(thread_no)
                left.append(thread_no)
        dispatcher = Own()
        dispatcher.set_thread_count(2)
        server = create_server(app, _dispatcher=dispatcher, **LOCAL)
        thread = start(server.run)
        print(get(server))
        server.task_dispatcher.shutdown()
        until(lambda: len(left) == 2)
        server.close()
        print(sorted(left), ended(thread))
    """,
    "a-dispatcher-with-a-set-of-its-own": """
        left = []
        class Threads(set):
            def discard(self, element):
                left.append(threading.current_thread().name)
                super().discard(element)
        class Own(ThreadedTaskDispatcher):
            def __init__(self):
                super().__init__()
                self.threads = Threads()
        dispatcher = Own()
        dispatcher.set_thread_count(2)
        server = create_server(app, _dispatcher=dispatcher, **LOCAL)
        thread = start(server.run)
        print(get(server))
        dispatcher.shutdown()
        server.close()
        print(sorted(left), dispatcher.threads, ended(thread))
    """,
    "a-dispatcher-with-its-own-threads": """
        owned = []
        class Own(ThreadedTaskDispatcher):
            def start_new_thread(self, target, thread_no):
                worker = threading.Thread(target=target, args=(thread_no,), daemon=True)
                owned.append(worker)
                worker.start()
        dispatcher = Own()
        dispatcher.set_thread_count(2)
        server = create_server(app, _dispatcher=dispatcher, **LOCAL)
        thread = start(server.run)
        print(get(server))
        dispatcher.shutdown()
        server.close()
        print([ended(each) for each in owned], ended(thread))
    """,
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_a_form_does_with_maitred_what_it_does_with_waitress(form):
    theirs, ours = run_with_both(form)
    assert ours == theirs
