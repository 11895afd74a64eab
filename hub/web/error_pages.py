"""Error responses: a page for browsers, JSON for programs."""

import logging

from django.conf import settings
from django.core import exceptions
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.views.defaults import page_not_found

from hub.web.theme import theme_of

_FOR_PROGRAMS = ("/api/", "/webhooks/")


def is_for_programs(request: HttpRequest) -> bool:
    """Return whether the client expects JSON instead of a page."""
    if request.path.startswith(_FOR_PROGRAMS):
        return True
    return request.get_preferred_type(["text/html", "application/json"]) == "application/json"


def refusal_of(fault: BaseException | None, otherwise: str) -> tuple[int, str]:
    """Return status and detail for a request that Django rejects; `otherwise` is the default."""
    if isinstance(fault, exceptions.RequestDataTooBig):
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE // 1024**2
        return 413, f"The request is larger than {limit} MB."
    if isinstance(fault, exceptions.TooManyFieldsSent):
        limit = settings.DATA_UPLOAD_MAX_NUMBER_FIELDS
        return 400, f"The request has more than {limit} parameters."
    if isinstance(fault, exceptions.TooManyFilesSent):
        limit = settings.DATA_UPLOAD_MAX_NUMBER_FILES
        return 400, f"The request has more than {limit} files."
    if isinstance(fault, exceptions.DisallowedHost):
        return 400, "This host name is not allowed: add it to HUB_ALLOWED_HOSTS."
    if isinstance(fault, exceptions.BadRequest):
        return 400, f"The request is invalid: {fault}."
    return 400, otherwise


def refuse(
    request: HttpRequest, status: int, detail: str, page: str = "400.html", **context: object
) -> HttpResponse:
    """Return `detail` as JSON for programs, or `page` rendered with `context` for browsers."""
    if is_for_programs(request):
        return JsonResponse({"detail": detail}, status=status)
    context |= {"status": status, "detail": detail, "theme": theme_of(request)}
    return HttpResponse(render_to_string(page, context), status=status)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler400, for suspicious, too large and malformed requests."""
    return refuse(request, *refusal_of(exception, "The request is malformed."))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler404."""
    if is_for_programs(request):
        return refuse(request, 404, "Not found. /api/v1/docs lists all endpoints.")
    return page_not_found(request, exception)


class OneLine(logging.Filter):
    """Logging filter that removes the tracebacks of client errors (4xx)."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name.startswith("django.security") or getattr(record, "status_code", 500) < 500:
            record.exc_info = record.exc_text = None
        return True
