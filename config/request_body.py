"""Bodies of requests, received before a view is asked: who sends one slowly holds up no reader.

A web thread waits for a body as long as its sender likes. A proxy in front would receive bodies
by itself; the hub has to do well without one.
"""

import json
from collections.abc import Iterable
from io import BytesIO
from threading import BoundedSemaphore
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from django.conf import settings

# Of the web's threads (8 with `make run`), so many may wait for bodies; the others go on reading.
AT_ONCE = 4


class BodiesFirst:
    """Receives a request's body, a few at a time, and hands on what has come in whole."""

    def __init__(self, application: WSGIApplication) -> None:
        self._application = application
        self._turns = BoundedSemaphore(AT_ONCE)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        length = _announced(environ)
        if not length:
            return self._application(environ, start_response)
        if length > (limit := settings.DATA_UPLOAD_MAX_MEMORY_SIZE):
            detail = f"A request may have {limit // 1024 // 1024} MB at most: send less at once."
            return _refuse(start_response, "413 Content Too Large", detail)
        if not self._turns.acquire(blocking=False):
            detail = "Too many are sending something at this moment. Try again shortly."
            return _refuse(start_response, "503 Service Unavailable", detail)
        try:
            body = environ["wsgi.input"].read(length)
        finally:
            self._turns.release()
        if len(body) < length:
            return _refuse(start_response, "400 Bad Request", "The body did not come in whole.")
        environ["wsgi.input"] = BytesIO(body)
        return self._application(environ, start_response)


def _announced(environ: WSGIEnvironment) -> int:
    """The length that the request gives; without one, Django reads no body."""
    try:
        return int(environ.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return 0


def _refuse(start_response: StartResponse, status: str, detail: str) -> list[bytes]:
    body = json.dumps({"detail": detail}).encode()
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    if status.startswith("503"):
        headers.append(("Retry-After", "1"))
    start_response(status, headers)
    return [body]
