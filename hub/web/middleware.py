"""Middleware: request bodies, slow requests, addresses, HEAD, and an unreachable database."""

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from threading import BoundedSemaphore
from time import monotonic

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponsePermanentRedirect
from django.urls import is_valid_path
from django.utils.deprecation import MiddlewareMixin
from django.utils.encoding import escape_uri_path
from prometheus_client import Counter
from psycopg2.errors import DiskFull

from hub.accounts.password_hasher import MAX_AT_A_TIME
from hub.web.error_pages import refuse

logger = logging.getLogger(__name__)
View = Callable[[HttpRequest], HttpResponse]

_RETRY_AFTER = "5"  # seconds; the embedded Postgres recovers within one
_DATABASE_ERRORS = Counter(
    "exporterhub_database_errors", "Requests that Postgres could not serve.", ["reason"]
)
_TRACEBACK_INTERVAL = 60.0  # seconds; each failed request is logged without a traceback


def limit_bodies(get_response: View) -> View:
    """Reject bodies above `DATA_UPLOAD_MAX_MEMORY_SIZE`, also for views that read no body."""

    def answer(request: HttpRequest) -> HttpResponse:
        _ = request.body  # raises RequestDataTooBig
        return get_response(request)

    return answer


@dataclass
class _Limit:
    """How many requests of a kind are served at a time: the others are refused at once."""

    concerns: Callable[[HttpRequest], bool]
    name: str
    at_a_time: BoundedSemaphore


def limit_slow_requests(get_response: View) -> View:
    """Serve only some of the requests that take long at a time, and refuse the others.

    Clients could otherwise occupy all threads with them: with passwords for made-up names, which
    are hashed, or with packs of large files. A refusal needs neither a view nor the database.
    """

    def answer(request: HttpRequest) -> HttpResponse:
        limit = next((limit for limit in _LIMITS if limit.concerns(request)), None)
        if limit is None:
            return get_response(request)
        if not limit.at_a_time.acquire(blocking=False):
            detail = f"Too many {limit.name} at the moment. Try again shortly."
            response = refuse(request, 503, detail)
            response["Retry-After"] = "1"
            return response
        try:
            return get_response(request)
        finally:
            limit.at_a_time.release()

    return answer


def _has_pack(request: HttpRequest) -> bool:
    """Return whether a pack is built for the request."""
    return bool(_PACK.fullmatch(request.path_info))


def _has_password(request: HttpRequest) -> bool:
    """Return whether the request signs in: with the admin's form, or to the API's editing."""
    if request.path_info == "/admin/login/":
        return request.method == "POST"
    return request.path_info.startswith("/api/v1/edits") and "Authorization" in request.headers


_PACK = re.compile(r"/packs(?:\.yaml|\.zip)?|/exporters/[^/]+/(?:pack\.\w+|rules\.yaml|install)")
_LIMITS = (
    # Those beyond it would only wait for the others' hashes.
    _Limit(_has_password, "sign-ins", BoundedSemaphore(MAX_AT_A_TIME)),
    # Two rule files of 1.5 MB take five seconds. Half of a process' threads remain for the others.
    _Limit(_has_pack, "packs", BoundedSemaphore(4)),
)


def redirect_trailing_slash(get_response: View) -> View:
    """Redirect an address of a page that exists only without its trailing slash.

    Not of the API: there it is an encoded slash at the end of a parameter, which is invalid.
    """

    def answer(request: HttpRequest) -> HttpResponse:
        path, shorter = request.path_info, request.path_info.rstrip("/")
        is_page = request.method in ("GET", "HEAD") and not path.startswith("/api/")
        if not is_page or path == shorter or is_valid_path(path) or not is_valid_path(shorter):
            return get_response(request)
        query = request.META["QUERY_STRING"]
        address = escape_uri_path(request.path.rstrip("/"))
        return HttpResponsePermanentRedirect(f"{address}?{query}" if query else address)

    return answer


def answer_head(get_response: View) -> View:
    """Answer HEAD on the API like GET; the web server then sends only the headers.

    Otherwise django-ninja would need a HEAD operation for each GET, and list it in the API's docs.
    """

    def answer(request: HttpRequest) -> HttpResponse:
        if request.method != "HEAD" or not request.path.startswith("/api/"):
            return get_response(request)
        request.method = "GET"
        response = get_response(request)
        request.method = "HEAD"
        return response

    return answer


class DatabaseUnavailableMiddleware(MiddlewareMixin):
    """Answers 503, as a page or as JSON, when a view cannot reach Postgres."""

    _traceback_logged_at = float("-inf")  # time.monotonic()

    def process_exception(self, request: HttpRequest, fault: Exception) -> HttpResponse | None:
        """Return the response for a database error; Django calls this for each exception."""
        if not isinstance(fault, OperationalError | InterfaceError):
            return None
        if monotonic() - self._traceback_logged_at > _TRACEBACK_INTERVAL:
            self._traceback_logged_at = monotonic()
            logger.error("Postgres cannot serve a request, answering 503", exc_info=fault)
        detail = "The hub cannot reach its database at the moment. Try again shortly."
        is_full = isinstance(fault.__cause__, DiskFull)
        _DATABASE_ERRORS.labels("disk_full" if is_full else "unavailable").inc()
        if is_full:
            detail = (
                "The disk of the hub's database is full, so nothing can be saved. Try again when "
                "an administrator has freed space."
            )
        response = refuse(request, 503, detail, "503.html", sent=request.method == "POST")
        response["Retry-After"] = _RETRY_AFTER
        return response
