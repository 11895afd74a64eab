"""What readers are told while Postgres is away."""

import logging
from collections.abc import Callable
from time import monotonic

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string

from hub.web.error_pages import is_for_programs
from hub.web.theme import theme_of

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
        response: HttpResponse
        if is_for_programs(request):
            detail = "The hub's database cannot be reached at the moment. Try again shortly."
            response = JsonResponse({"detail": detail}, status=503)
        else:
            page = {"theme": theme_of(request), "sent": request.method == "POST"}
            response = HttpResponse(render_to_string("503.html", page), status=503)
        response["Retry-After"] = _RETRY_AFTER
        return response

    def _say_why(self, fault: Exception) -> None:
        if monotonic() - self._said_why_at > _SAY_WHY_EVERY:
            self._said_why_at = monotonic()
            logger.error("Postgres does not answer, so readers get 503", exc_info=fault)
