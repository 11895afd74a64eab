"""Ids of requests in the log, and the access log."""

import logging
import re
from collections.abc import Callable
from time import monotonic
from uuid import uuid4

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from structlog.contextvars import bound_contextvars

logger = logging.getLogger(__name__)

_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


def log_requests(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Bind the request's id to its log lines, and log the request if `HUB_ACCESS_LOG` is set.

    The id is that of the header X-Request-ID, which proxies set, or a new one. The response has it.
    """

    def answer(request: HttpRequest) -> HttpResponse:
        sent = request.headers.get("X-Request-ID", "")
        request_id = sent if _ID.fullmatch(sent) else uuid4().hex
        started = monotonic()
        with bound_contextvars(request_id=request_id):
            response = get_response(request)
            if settings.ACCESS_LOG:
                logger.info("request", extra=_describe(request, response, monotonic() - started))
        response["X-Request-ID"] = request_id
        return response

    return answer


def _describe(request: HttpRequest, response: HttpResponse, seconds: float) -> dict[str, object]:
    return {
        "client": request.META["REMOTE_ADDR"],
        "method": request.META["REQUEST_METHOD"],  # `answer_head` changes request.method
        "path": request.path,  # without parameters, which may be private
        "status": response.status_code,
        "seconds": round(seconds, 3),
    }
