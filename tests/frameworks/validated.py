"""The applications between two judges: what they get and what they give keeps to PEP 3333.

``wsgiref.validate`` and ``webtest.lint`` raise when the server hands over an environ that it
should not, or when either side breaks the protocol; the answer is then 500.
"""

from wsgiref.validate import validator

import bottle_app
import flask_app
import pyramid_app
from django_project.wsgi import application
from webtest.lint import middleware


def bounded(application):
    """Let Werkzeug bound its reads itself.

    It reads an input that ends by itself without saying how much, which servers must allow and
    `wsgiref.validate` does not.
    """

    def bounded_application(environ, start_response):
        assert environ.pop("wsgi.input_terminated") is True
        return application(environ, start_response)

    return bounded_application


django = validator(middleware(application))
flask = validator(middleware(bounded(flask_app.app)))
pyramid = validator(middleware(pyramid_app.app))
bottle = validator(middleware(bottle_app.app))
