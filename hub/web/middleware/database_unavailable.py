"""The answer while Postgres cannot be reached."""

import logging
from collections.abc import Callable
from time import monotonic

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse

from hub.web.error_pages import refuse

logger = logging.getLogger(__name__)

_RETRY_AFTER = "5"  # seconds; the embedded Postgres recovers within one
_SAY_WHY_EVERY = 60.0  # seconds; that a request failed is said for each


class DatabaseUnavailableMiddleware:
    """Answers 503 with a page, or JSON for programs, when a view cannot reach Postgres."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self._said_why_at = float("-inf")  # time.monotonic()

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, fault: Exception) -> HttpResponse | None:
        """Django calls it with whatever a view raised."""
        if not isinstance(fault, OperationalError | InterfaceError):
            return None
        self._say_why(fault)
        detail = "The hub's database cannot be reached at the moment. Try again shortly."
        response = refuse(request, 503, detail, "503.html", sent=request.method == "POST")
        response["Retry-After"] = _RETRY_AFTER
        return response

    def _say_why(self, fault: Exception) -> None:
        if monotonic() - self._said_why_at > _SAY_WHY_EVERY:
            self._said_why_at = monotonic()
            logger.error("Postgres does not answer, so readers get 503", exc_info=fault)
