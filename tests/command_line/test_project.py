"""Tests of `maitred` without an application: which one it finds in the files, and what it answers.

`maitred check` takes the same application as `maitred`, and ends.
"""

from __future__ import annotations

import pytest
import requests

WSGI = """
def {name}(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"{says}"]
"""
APP = WSGI.format(name="app", says="app")
APPLICATION = WSGI.format(name="application", says="application")
FACTORY = f"def create_app():\n    return app\n\n{APP}"
BARE_FACTORY = "def create_app(settings=None):\n    from made import app\n\n    return app\n"
MANAGE = """
import os

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")
"""
SHOP = {"manage.py": MANAGE, "shop/__init__.py": "", "shop/wsgi.py": APPLICATION}
NAMED = 'WSGI_APPLICATION = "shop.wsgi.application"\n'
UNREADABLE = "raise RuntimeError('imported')\n"

FOUND = {
    "wsgi.py": ({"wsgi.py": APPLICATION}, {}, "wsgi:application", "`wsgi.py` has `application`"),
    "app.py": ({"app.py": APP}, {}, "app:app", "`app.py` has `app`"),
    "a package called app": (
        {"app/__init__.py": APP},
        {},
        "app:app",
        "`app/__init__.py` has `app`",
    ),
    "a name that is one of two": (
        {"app.py": f"{APP}\napplication = app\n"},
        {},
        "app:application",
        "`app.py` has `application`",
    ),
    "an application around the app": (
        {"app.py": f"{APP}\ndef around(inner):\n    return inner\n\napplication = around(app)\n"},
        {},
        "app:application",
        "`app.py` has `application`",
    ),
    "wsgi.py that serves app.py": (
        {"wsgi.py": "from app import app as application\n", "app.py": APP},
        {},
        "wsgi:application",
        "`wsgi.py` has `application`",
    ),
    "wsgi.py that calls the factory of app.py": (
        {"wsgi.py": "from app import create_app\n\napp = create_app()\n", "app.py": FACTORY},
        {},
        "wsgi:app",
        "`wsgi.py` has `app`",
    ),
    "a factory in app.py": (
        {"app.py": BARE_FACTORY, "made.py": APP},
        {},
        "app:create_app()",
        "`app.py` has the factory `create_app`",
    ),
    "a factory in a package": (
        {"flaskr/__init__.py": BARE_FACTORY, "made.py": APP},
        {},
        "flaskr:create_app()",
        "`flaskr/__init__.py` has the factory `create_app`",
    ),
    "an app that is made in a try": (
        {"app.py": f"try:\n    import uvloop\nexcept ImportError:\n    pass\n{APP}"},
        {},
        "app:app",
        "`app.py` has `app`",
    ),
    "FLASK_APP with a module": (
        {"hello.py": APP},
        {"FLASK_APP": "hello"},
        "hello:app",
        "`FLASK_APP` is `hello`",
    ),
    "FLASK_APP with a file": (
        {"hello.py": APP},
        {"FLASK_APP": "./hello.py"},
        "hello:app",
        "`FLASK_APP` is `./hello.py`",
    ),
    "FLASK_APP with a name": (
        {"hello.py": WSGI.format(name="site", says="site")},
        {"FLASK_APP": "hello:site"},
        "hello:site",
        "`FLASK_APP` is `hello:site`",
    ),
    "FLASK_APP with a factory": (
        {"hello.py": FACTORY},
        {"FLASK_APP": "hello:create_app"},
        "hello:create_app()",
        "`FLASK_APP` is `hello:create_app`",
    ),
    "the settings that manage.py names": (
        {**SHOP, "shop/settings.py": NAMED},
        {},
        "shop.wsgi:application",
        "`manage.py` names the settings `shop.settings`, whose `WSGI_APPLICATION` is "
        "`shop.wsgi.application`",
    ),
    "settings that take all from others": (
        {
            **SHOP,
            "shop/settings/__init__.py": "from .production import *\n",
            "shop/settings/production.py": "from .base import *\n",
            "shop/settings/base.py": NAMED,
        },
        {},
        "shop.wsgi:application",
        "`manage.py` names the settings `shop.settings`, whose `WSGI_APPLICATION` is "
        "`shop.wsgi.application`",
    ),
    "settings that the environment names": (
        {**SHOP, "shop/production.py": NAMED},
        {"DJANGO_SETTINGS_MODULE": "shop.production"},
        "shop.wsgi:application",
        "`manage.py` names the settings `shop.production`, whose `WSGI_APPLICATION` is "
        "`shop.wsgi.application`",
    ),
    "settings without the name of an application": (
        {**SHOP, "shop/settings.py": "DEBUG = False\n"},
        {},
        "shop.wsgi:application",
        "`manage.py` names the settings `shop.settings`, and `shop/wsgi.py` has `application`",
    ),
    "manage.py before wsgi.py": (
        {**SHOP, "shop/settings.py": NAMED, "wsgi.py": UNREADABLE},
        {},
        "shop.wsgi:application",
        "`manage.py` names the settings `shop.settings`, whose `WSGI_APPLICATION` is "
        "`shop.wsgi.application`",
    ),
}


@pytest.mark.parametrize(("files", "env", "app", "reason"), FOUND.values(), ids=FOUND)
def test_the_application_that_the_files_suggest_is_found_and_said(
    run, project, files, env, app, reason
):
    done = run("check", cwd=project(files), env=env)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"the settings are valid and `{app}` can be served\n"
    note = f'note: found `{app}`: {reason}; to keep it, write `app = "{app}"` in maitred.toml\n'
    assert note in done.stderr


NOT_FOUND = {
    "nothing": ({}, {}, ["there is no application to serve", "`maitred package.module:attribute`"]),
    "a module with another name": (
        {"hello.py": APP},
        {},
        [
            "there is no application to serve",
            "did you mean `maitred hello:app` (`hello.py` has `app`)?",
        ],
    ),
    "a module that is not Python": (
        {"app.py": "def app(:\n"},
        {},
        ["there is no application to serve"],
    ),
    "two files": (
        {"wsgi.py": APPLICATION, "app.py": APP},
        {},
        [
            "there are several applications: `wsgi:application` and `app:app`",
            "name the one to serve: `maitred wsgi:application` (`wsgi.py` has `application`), or "
            "`maitred app:app` (`app.py` has `app`)",
        ],
    ),
    "two in one file": (
        {"wsgi.py": APPLICATION + APP},
        {},
        ["there are several applications: `wsgi:application` and `wsgi:app`"],
    ),
    "a file and FLASK_APP": (
        {"app.py": APP, "hello.py": APP},
        {"FLASK_APP": "hello"},
        ["there are several applications: `app:app` and `hello:app`"],
    ),
    "two factories": (
        {"one/__init__.py": BARE_FACTORY, "two/__init__.py": BARE_FACTORY},
        {},
        ["there are several applications: `one:create_app()` and `two:create_app()`"],
    ),
}


@pytest.mark.parametrize(("files", "env", "parts"), NOT_FOUND.values(), ids=NOT_FOUND)
@pytest.mark.parametrize("command", [[], ["serve"], ["check"]], ids=str)
def test_none_is_served_unless_there_is_exactly_one(run, project, command, files, env, parts):
    done = run(*command, cwd=project(files), env=env)
    assert done.returncode == 2, done.stderr
    for part in parts:
        assert part in done.stderr, done.stderr
    assert done.stderr.endswith("1 problem; nothing was started\n")


NAMED_ELSEWHERE = {
    "the command line": (["hello:app"], {}, {}),
    "a flag": (["--app=hello:app"], {}, {}),
    "a variable": ([], {"MAITRED_APP": "hello:app"}, {}),
    "maitred.toml": ([], {}, {"maitred.toml": 'app = "hello:app"\n'}),
    "pyproject.toml": ([], {}, {"pyproject.toml": '[tool.maitred]\napp = "hello:app"\n'}),
}


@pytest.mark.parametrize(
    ("arguments", "env", "files"), NAMED_ELSEWHERE.values(), ids=NAMED_ELSEWHERE
)
def test_a_name_from_any_source_ends_the_search(run, project, arguments, env, files):
    folder = project({"hello.py": APP, "wsgi.py": UNREADABLE, "app.py": UNREADABLE, **files})
    done = run("check", *arguments, cwd=folder, env=env)
    assert done.returncode == 0, done.stderr
    assert "found" not in done.stderr


def test_files_are_read_and_never_imported(run, project):
    trap = "open('trap', 'w').close()\n"
    folder = project({"wsgi.py": trap + APPLICATION, "app.py": trap + APP, "manage.py": trap})
    assert run(cwd=folder).returncode == 2
    assert not (folder / "trap").exists()


def test_the_search_is_in_the_directory_that_is_changed_to(run, project):
    folder = project({"site/wsgi.py": APPLICATION})
    done = run("check", "--chdir=site", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "found `wsgi:application`" in done.stderr


def test_what_was_found_is_served_and_logged(maitred, project):
    server = maitred(cwd=project({"app.py": APP}))
    assert requests.get(server.url, timeout=60).text == "app"
    assert 'found `app:app`: `app.py` has `app`; to keep it, write `app = "app:app"`' in server.log
    server.wait_for(r'app="app:app" \(found: `app\.py` has `app`\)')


def test_a_class_is_refused_at_the_start_unless_its_objects_are_responses(run, project):
    folder = project(
        {
            "app.py": "class Framework:\n    def __call__(self, environ, start_response):\n"
            "        return []\n\n\napp = Framework()\n",
            "response.py": "class app:\n    def __init__(self, environ, start_response):\n"
            "        pass\n\n    def __iter__(self):\n        return iter([b''])\n",
        }
    )
    done = run("check", "app:Framework", cwd=folder)
    assert done.returncode == 1
    assert "`app:Framework` is a class, and its objects are no responses" in done.stderr
    assert run("check", "response:app", cwd=folder).returncode == 0
