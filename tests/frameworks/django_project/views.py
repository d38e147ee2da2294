"""Views that read forms and uploads, stream, and send files."""

import hashlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path

from django import forms
from django.http import FileResponse, HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.template import engines
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import condition

FORM = """<form method="post">{% csrf_token %}{{ form }}<button>Send</button></form>"""

released = threading.Event()


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
