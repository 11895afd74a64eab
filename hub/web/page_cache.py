"""Cache of the pages that are the same for all anonymous readers."""

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

# The headers that a cached page may depend on, besides its URL and the theme.
_HEADERS = ("Accept-Encoding", "HX-Request", "HX-Current-URL", "HX-History-Restore-Request")
# In bytes, usually compressed: the catalogue is 12 KB, the grid of 1,000 exporters 60 KB. The
# cache holds 100 pages (`CACHES`), so it needs at most 50 MB.
_LARGEST = 500_000
_LOCK_TIMEOUT = 1  # seconds that a request waits while another renders the same page
_locks = [Lock() for _ in range(64)]  # the key of a page selects its lock


def cached_page(view: View) -> View:
    """Cache the responses of `view` for `PAGE_CACHE_SECONDS`, or until the contents change.

    Requests with a session or credentials are not cached. While one renders a page, others wait.
    """

    @wraps(view)
    def answer(request: HttpRequest, *arguments: Any, **named: Any) -> HttpResponse:
        if not settings.PAGE_CACHE_SECONDS or not _is_anonymous(request):
            return view(request, *arguments, **named)
        key = _key(request)
        response: HttpResponse | None = cache.get(key)
        if response is not None:
            return response
        lock = _locks[int(key, 16) % len(_locks)]
        acquired = lock.acquire(timeout=_LOCK_TIMEOUT)
        try:
            response = cache.get(key)
            if response is None:
                response = view(request, *arguments, **named)
                patch_vary_headers(response, ["Cookie"])  # signed-in users get a different page
                small = len(response.content) <= _LARGEST
                if response.status_code == 200 and small and not response.cookies:
                    cache.set(key, response, settings.PAGE_CACHE_SECONDS)
            return response
        finally:
            if acquired:
                lock.release()

    return answer


def _is_anonymous(request: HttpRequest) -> bool:
    return (
        request.method == "GET"
        and settings.SESSION_COOKIE_NAME not in request.COOKIES
        and "Authorization" not in request.headers
    )


def _key(request: HttpRequest) -> str:
    """Return the cache key, which changes with the contents."""
    headers = (request.headers.get(name, "") for name in _HEADERS)
    version = read_map.cached_map().version
    page = (request.build_absolute_uri(), theme_of(request), *headers, version)
    return sha256(repr(page).encode(errors="surrogatepass")).hexdigest()
