"""Keeps its settings in a dictionary of the declared type."""

from wsgiref.simple_server import demo_app

from maitred import Settings, serve

settings: Settings = {"port": 8000, "trusted_proxy": ["10.0.0.0/8"], "access_log": "-"}
settings["threads"] = 4
serve(app=demo_app, **settings)
