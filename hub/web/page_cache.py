"""Cache of the pages that are the same for all anonymous readers."""

import gzip
from collections.abc import Callable
from functools import wraps
from hashlib import sha256
from threading import Lock
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse, QueryDict
from django.middleware.gzip import re_accepts_gzip
from django.utils.cache import patch_vary_headers

from hub.content.map import read_map
from hub.web.theme import theme_of

View = Callable[..., HttpResponse]

# In bytes, compressed: the catalogue takes 12 KB, llms.txt with 10,000 exporters 250 KB. With the
# number of pages in `CACHES`, this limits the memory that the cache can need.
_LARGEST = 500_000
_LOCK_TIMEOUT = 1  # seconds that a request waits while another renders the same page
_locks = [Lock() for _ in range(64)]  # the key of a page selects its lock


def cached_page(known_query: Callable[[QueryDict], str | None]) -> Callable[[View], View]:
    """Cache the responses of a view for `PAGE_CACHE_SECONDS`, or until the contents change.

    `known_query` returns the query string without the parameters that the view ignores, in a
    canonical form, or None for a request whose response must not be cached. So a client cannot fill
    the cache with unknown parameters. Requests with a session or credentials, and those of htmx for
    a part of the page, are not cached. While one request renders a page, others wait.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def answer(request: HttpRequest, *arguments: Any, **named: Any) -> HttpResponse:
            query = known_query(request.GET) if _is_for_everyone(request) else None
            if query is None:
                return view(request, *arguments, **named)
            key = _key(request, query)
            response: HttpResponse | None = cache.get(key)
            if response is not None:
                return _decoded(response, request)
            lock = _locks[int(key, 16) % len(_locks)]
            acquired = lock.acquire(timeout=_LOCK_TIMEOUT)
            try:
                response = cache.get(key)
                if response is None:
                    response = _compressed(view(request, *arguments, **named))
                    small = len(response.content) <= _LARGEST
                    if response.status_code == 200 and small and not response.cookies:
                        cache.set(key, response, settings.PAGE_CACHE_SECONDS)
                return _decoded(response, request)
            finally:
                if acquired:
                    lock.release()

        return answer

    return decorate


def _is_for_everyone(request: HttpRequest) -> bool:
    return (
        settings.PAGE_CACHE_SECONDS > 0
        and request.method == "GET"
        and settings.SESSION_COOKIE_NAME not in request.COOKIES
        and "Authorization" not in request.headers
        and "HX-Request" not in request.headers
    )


def _key(request: HttpRequest, query: str) -> str:
    """Return the cache key, which changes with the contents."""
    url = request.build_absolute_uri(request.path + query)
    page = (url, theme_of(request), read_map.cached_map().version)
    return sha256(repr(page).encode(errors="surrogatepass")).hexdigest()


def _compressed(response: HttpResponse) -> HttpResponse:
    """Compress the only copy that is kept: nearly all clients accept gzip."""
    response.content = gzip.compress(response.content, compresslevel=6, mtime=0)
    response["Content-Encoding"] = "gzip"
    # Signed-in users get a different page.
    patch_vary_headers(response, ["Accept-Encoding", "Cookie"])
    return response


def _decoded(response: HttpResponse, request: HttpRequest) -> HttpResponse:
    if not re_accepts_gzip.search(request.headers.get("Accept-Encoding", "")):
        response.content = gzip.decompress(response.content)
        del response["Content-Encoding"]
    return response
