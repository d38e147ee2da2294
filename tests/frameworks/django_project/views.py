"""Views that read forms and uploads, stream, and send files."""

import hashlib
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

from django import forms
from django.core.signals import request_finished
from django.db import connections
from django.dispatch import receiver
from django.http import FileResponse, HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.template import engines
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import condition

FORM = """<form method="post">{% csrf_token %}{{ form }}<button>Send</button></form>"""

released = threading.Event()

in_close = threading.local()
threads: dict[str, dict[str, int]] = {}
opened: dict[str, object] = {}


class Name(forms.Form):
    """A form with one field."""

    name = forms.CharField(max_length=40)


def form(request: HttpRequest) -> HttpResponse:
    """Show a form, and greet whoever sends it."""
    bound = Name(request.POST or None)
    if bound.is_valid():
        return HttpResponse(f"hello {bound.cleaned_data['name']}")
    template = engines["django"].from_string(FORM)
    return HttpResponse(template.render({"form": bound}, request))


@csrf_exempt
def upload(request: HttpRequest) -> JsonResponse:
    """Tell name, size and digest of what was uploaded."""
    sent = request.FILES["file"]
    digest = hashlib.sha256()
    for piece in sent.chunks():
        digest.update(piece)
    return JsonResponse({"name": sent.name, "size": sent.size, "sha256": digest.hexdigest()})


def stream(request: HttpRequest) -> StreamingHttpResponse:
    """Send the first piece, and the second only once somebody has asked for ``release``."""
    released.clear()

    def pieces() -> Iterator[bytes]:
        yield b"first\n"
        yield b"second\n" if released.wait(60) else b"nobody released it\n"

    return StreamingHttpResponse(pieces(), content_type="text/plain")


def page(request: HttpRequest) -> HttpResponse:
    """Send a page, as most views do."""
    return HttpResponse("hello")


def numbers(request: HttpRequest) -> StreamingHttpResponse:
    """Send numbers, each on its own."""
    return StreamingHttpResponse((f"{n}\n" for n in range(100)), content_type="text/plain")


def nothing(request: HttpRequest) -> HttpResponse:
    """Send nothing at all."""
    return HttpResponse(status=204)


@condition(etag_func=lambda _: '"one"')
def conditional(request: HttpRequest) -> HttpResponse:
    """Send a page, unless the client has it."""
    return HttpResponse("hello")


def release(request: HttpRequest) -> HttpResponse:
    """Let ``stream`` go on."""
    released.set()
    return HttpResponse("released")


def file(request: HttpRequest, name: str) -> FileResponse:
    """Send a file of the test."""
    return FileResponse((Path(os.environ["TEST_FILES"]) / name).open("rb"), as_attachment=True)


class Report(FileResponse):
    """A file that tells which thread ends its request."""

    def close(self) -> None:
        """Close the file, which ends the request."""
        in_close.name = self.name
        super().close()
        del in_close.name


@receiver(request_finished)
def note_end(**_: object) -> None:
    """Note the thread of the end of a report."""
    if name := getattr(in_close, "name", None):
        threads[name]["finished"] = threading.get_ident()


def report(request: HttpRequest, name: str) -> Report:
    """Send a file of the test, after a query."""
    threads[name] = {"view": threading.get_ident()}
    opened[name] = connections["default"]
    opened[name].ensure_connection()
    response = Report((Path(os.environ["TEST_FILES"]) / name).open("rb"))
    response.name = name
    return response


def about_report(request: HttpRequest, name: str) -> JsonResponse:
    """Tell which threads have run the view and ended the request, and of its connection."""
    return JsonResponse({**threads[name], "connected": opened[name].connection is not None})


def wait_at_gate(request: HttpRequest) -> HttpResponse:
    """Wait until the gate of the test opens."""
    with socket.create_connection(("127.0.0.1", int(os.environ["GATE"]))) as gate:
        gate.recv(1)
    return HttpResponse("open")


@csrf_exempt
def echo(request: HttpRequest, rest: str) -> JsonResponse:
    """Tell what was asked."""
    return JsonResponse(
        {
            "method": request.method,
            "path": rest,
            "query": dict(request.GET.lists()),
            "body": request.body.decode("utf-8", "replace"),
            "scheme": request.scheme,
            "host": request.get_host(),
            "cookies": request.COOKIES,
        }
    )


def fails(request: HttpRequest) -> HttpResponse:
    """Raise, as a view with a mistake does."""
    raise RuntimeError("a mistake in a view")
