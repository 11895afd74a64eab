"""Bodies of requests, received before a view runs: slow uploads do not block readers.

A web thread waits for a body as long as its sender likes. A proxy in front would receive bodies
by itself; the hub works without one.
"""

from collections.abc import Callable
from threading import BoundedSemaphore

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse

from hub.web.error_pages import refuse

# Of the web's threads (8 with `make run`), so many may wait for bodies; the others go on reading.
AT_ONCE = 4


def receive_bodies(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: receives a body whole, a few at a time, up to `DATA_UPLOAD_MAX_MEMORY_SIZE`."""
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
