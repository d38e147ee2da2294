"""Uses the fixture for tests."""

from wsgiref.simple_server import demo_app

from maitred.pytest_plugin import StartServer


def test_it_serves(maitred_server: StartServer) -> None:
    """Start a server."""
    server = maitred_server(demo_app, threads=1)
    assert server.url.startswith("http://")
