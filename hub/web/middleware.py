"""Middleware: bodies are received before a view runs, HEAD on the API, and an absent Postgres."""

import logging
from collections.abc import Callable
from threading import BoundedSemaphore
from time import monotonic

from django.core.exceptions import BadRequest
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse

from hub.web.error_pages import refuse

logger = logging.getLogger(__name__)
View = Callable[[HttpRequest], HttpResponse]

# Of the web's threads (8 with `make run`), so many may wait for bodies; the others go on reading.
AT_ONCE = 4
_RETRY_AFTER = "5"  # seconds; the embedded Postgres recovers within one
_SAY_WHY_EVERY = 60.0  # seconds; that a request failed is said for each


def receive_bodies(get_response: View) -> View:
    """Receives a body whole, a few at a time, up to `DATA_UPLOAD_MAX_MEMORY_SIZE`.

    A web thread waits for a body as long as its sender likes: slow uploads must not block readers.
    A proxy in front would receive bodies by itself; the hub works without one.
    """
    receiving = BoundedSemaphore(AT_ONCE)

    def answer(request: HttpRequest) -> HttpResponse:
        length = request.META.get("CONTENT_LENGTH") or "0"
        if not (length.isascii() and length.isdigit()) or int(length) == 0:
            return get_response(request)  # without a length, Django reads no body
        if not receiving.acquire(blocking=False):
            detail = "Too many uploads at this moment. Try again shortly."
            response = refuse(request, 503, detail)
            response["Retry-After"] = "1"
            return response
        try:
            received = len(request.body)
        finally:
            receiving.release()
        if received < int(length):
            raise BadRequest("the body is shorter than its Content-Length")
        return get_response(request)

    return answer


def answer_head(get_response: View) -> View:
    """Answers HEAD on the API as GET, of which the web server sends the headers.

    django-ninja routes a method to its operation by name, and would list HEAD beside each GET.
    """

    def answer(request: HttpRequest) -> HttpResponse:
        if request.method != "HEAD" or not request.path.startswith("/api/"):
            return get_response(request)
        request.method = "GET"
        response = get_response(request)
        request.method = "HEAD"
        return response

    return answer


class DatabaseUnavailableMiddleware:
    """Answers 503 with a page, or JSON for programs, when a view cannot reach Postgres."""

    def __init__(self, get_response: View) -> None:
        self.get_response = get_response
        self._said_why_at = float("-inf")  # time.monotonic()

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, fault: Exception) -> HttpResponse | None:
        """Django calls it with whatever a view raised."""
        if not isinstance(fault, OperationalError | InterfaceError):
            return None
        if monotonic() - self._said_why_at > _SAY_WHY_EVERY:
            self._said_why_at = monotonic()
            logger.error("Postgres does not answer, so readers get 503", exc_info=fault)
        detail = "The hub's database cannot be reached at the moment. Try again shortly."
        response = refuse(request, 503, detail, "503.html", sent=request.method == "POST")
        response["Retry-After"] = _RETRY_AFTER
        return response
