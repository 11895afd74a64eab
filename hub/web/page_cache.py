"""Pages that are the same for everyone: rendered now and then, not for each reader."""

from collections.abc import Callable
from functools import wraps
from hashlib import sha256
from threading import Lock
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers

from hub.content.map import read_map
from hub.web.theme import theme_of

View = Callable[..., HttpResponse]

# Of a request, what such a page may depend on beside its address and the theme.
_HEADERS = ("Accept-Encoding", "HX-Request", "HX-Current-URL", "HX-History-Restore-Request")
# Bytes, compressed as most are: the list is 12 KB, the grid of 1,000 exporters 60. A hundred pages
# are kept (`CACHES`), so they take 50 MB at most.
_LARGEST = 500_000
_PATIENCE = 1  # seconds that a reader waits for another's rendering
_rendering = [Lock() for _ in range(64)]  # a page's is that of its key


def cached_page(view: View) -> View:
    """Cache what `view` answers to everyone for `PAGE_CACHE_SECONDS`, or until the contents change.

    It may not depend on who asks: requests with a session or credentials are left to the view.
    While one thread renders a page, its other readers wait for that.
    """

    @wraps(view)
    def answer(request: HttpRequest, *arguments: Any, **named: Any) -> HttpResponse:
        if not settings.PAGE_CACHE_SECONDS or not _is_for_everyone(request):
            return view(request, *arguments, **named)
        key = _key(request)
        response: HttpResponse | None = cache.get(key)
        if response is not None:
            return response
        lock = _rendering[int(key, 16) % len(_rendering)]
        ours = lock.acquire(timeout=_PATIENCE)
        try:
            response = cache.get(key)
            if response is None:
                response = view(request, *arguments, **named)
                patch_vary_headers(response, ["Cookie"])  # signed-in people get another
                small = len(response.content) <= _LARGEST
                if response.status_code == 200 and small and not response.cookies:
                    cache.set(key, response, settings.PAGE_CACHE_SECONDS)
            return response
        finally:
            if ours:
                lock.release()

    return answer


def _is_for_everyone(request: HttpRequest) -> bool:
    return (
        request.method == "GET"
        and settings.SESSION_COOKIE_NAME not in request.COOKIES
        and "Authorization" not in request.headers
    )


def _key(request: HttpRequest) -> str:
    """Names the page and the contents that it shows."""
    headers = (request.headers.get(name, "") for name in _HEADERS)
    version = read_map.cached_map().version
    page = (request.build_absolute_uri(), theme_of(request), *headers, version)
    return sha256(repr(page).encode(errors="surrogatepass")).hexdigest()
