"""Answers to requests that cannot be taken: a page for people, JSON for programs."""

import logging

from django.conf import settings
from django.core.exceptions import (
    BadRequest,
    DisallowedHost,
    RequestDataTooBig,
    TooManyFieldsSent,
    TooManyFilesSent,
)
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.views.defaults import page_not_found

_FOR_PROGRAMS = ("/api/", "/webhooks/")


def is_for_programs(request: HttpRequest) -> bool:
    """Whether a program asks, which takes JSON rather than a page."""
    if request.path.startswith(_FOR_PROGRAMS):
        return True
    return request.get_preferred_type(["text/html", "application/json"]) == "application/json"


def refusal_of(fault: BaseException | None, otherwise: str) -> tuple[int, str]:
    """The status and the words for what Django refuses by itself."""
    if isinstance(fault, RequestDataTooBig):
        most = (settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 0) / 1024 / 1024
        return 413, f"The request is larger than {most:g} MB: send less at once."
    if isinstance(fault, TooManyFieldsSent):
        most_fields = settings.DATA_UPLOAD_MAX_NUMBER_FIELDS
        return 400, f"The request has more than {most_fields} parameters: send fewer."
    if isinstance(fault, TooManyFilesSent):
        most_files = settings.DATA_UPLOAD_MAX_NUMBER_FILES
        return 400, f"The request has more than {most_files} files: send fewer."
    if isinstance(fault, DisallowedHost):
        return 400, "The hub does not answer under this host name: add it to HUB_ALLOWED_HOSTS."
    if isinstance(fault, BadRequest):
        return 400, f"The request was refused: {fault}."
    return 400, otherwise


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler400: what it calls suspicious, too large or malformed."""
    status, detail = refusal_of(exception, "The request is malformed.")
    if is_for_programs(request):
        return JsonResponse({"detail": detail}, status=status)
    page = render_to_string("400.html", {"status": status, "detail": detail})
    return HttpResponse(page, status=status)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler404."""
    if is_for_programs(request):
        detail = "There is no such address: /api/v1/docs lists those that there are."
        return JsonResponse({"detail": detail}, status=404)
    return page_not_found(request, exception)


class OneLine(logging.Filter):
    """A logging filter: what was refused is the asker's fault, and no traceback of the hub's."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name.startswith("django.security") or getattr(record, "status_code", 500) < 500:
            record.exc_info = record.exc_text = None
        return True
