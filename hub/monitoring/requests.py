"""Middleware that counts and times requests."""

from collections.abc import Callable
from time import perf_counter

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from prometheus_client import Counter, Histogram

REQUESTS = Counter(
    "exporterhub_http_requests", "Requests by route and status.", ["route", "status"]
)
# Not by route: each has a series for each bucket.
DURATION = Histogram(
    "exporterhub_http_request_duration_seconds",
    "Time to answer a request, without receiving and sending it.",
    ["area"],
    buckets=(0.01, 0.05, 0.25, 1, 5),
)
_OTHER = "other"  # no route of the hub: a wrong address, or a request that middleware refuses
_AREAS = {"admin", "api", "static", "webhooks", _OTHER}


def measure_requests(get_response: Callable[[HttpRequest], HttpResponse]) -> object:
    """Count each request, also those that other middleware answers."""

    def answer(request: HttpRequest) -> HttpResponse:
        started = perf_counter()
        response = get_response(request)
        route = route_of(request)
        first = route.strip("/").partition("/")[0]
        DURATION.labels(first if first in _AREAS else "pages").observe(perf_counter() - started)
        REQUESTS.labels(route, response.status_code).inc()
        return response

    return answer


def route_of(request: HttpRequest) -> str:
    """Return the pattern of the request's URL, which has no values: the number is limited."""
    if request.path_info.startswith(settings.STATIC_URL):
        return settings.STATIC_URL
    if request.resolver_match is None:
        return _OTHER
    route = f"/{request.resolver_match.route}"
    return "/admin/" if route.startswith("/admin/") else route
