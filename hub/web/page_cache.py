"""Pages that are the same for everyone: rendered now and then, not for each reader."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from hashlib import sha256
from threading import Lock
from time import monotonic
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers

from hub.content.map import read_map
from hub.web.theme import theme_of

View = Callable[..., HttpResponse]

# Of a request, what such a page may depend on beside its address and the theme.
_HEADERS = (
    "Accept-Encoding",
    *("HX-Request", "HX-Current-URL", "HX-History-Restore-Request"),
)
# While one thread renders a page anew, the others send the one before, if it held until so many
# seconds ago, or wait for the new one, for so many at most: all at once they would take many times
# longer.
_OLDER = 10
_PATIENCE = 1
_rendering = [Lock() for _ in range(64)]  # a page's is that of its key
# Bytes, compressed as most are: the list is 12 KB, the grid of 1,000 exporters 60. A hundred pages
# are kept (`CACHES`), so they take 50 MB at the very most.
_LARGEST = 500_000


@dataclass(frozen=True)
class _Page:
    content: bytes
    headers: dict[str, str]
    version: tuple[object, ...]
    at: float  # time.monotonic() before it was rendered

    def holds(self, version: tuple[object, ...], at: float) -> bool:
        """Whether it is still what the view would render, as far as anyone is to notice."""
        return self.version == version and at - self.at < settings.PAGE_SECONDS

    def response(self) -> HttpResponse:
        return HttpResponse(self.content, headers=self.headers)


def kept(view: View) -> View:
    """Keep what `view` answers to everyone, and answer with that while it holds.

    It holds for `PAGE_SECONDS`, as long as the contents are the same (`read.glance`). It may not
    depend on who asks: requests with a session or credentials are left to the view.
    """

    @wraps(view)
    def answer(request: HttpRequest, *arguments: Any, **named: Any) -> HttpResponse:
        if not settings.PAGE_SECONDS or not _is_for_everyone(request):
            return view(request, *arguments, **named)
        key, at, version = _key(request), monotonic(), read_map.cached_head().version
        before = _kept(key)
        if before and before.holds(version, at):
            return before.response()
        with _turn(key, patience=0 if before else _PATIENCE) as ours:
            if before and not ours:
                return before.response()
            just_now = _kept(key)
            if just_now and just_now.holds(version, at):
                return just_now.response()
            response = view(request, *arguments, **named)
            patch_vary_headers(response, ["Cookie"])  # whoever is signed in gets another
            suits = response.status_code == 200 and len(response.content) <= _LARGEST
            if suits and not response.cookies:
                page = _Page(response.content, dict(response.items()), version, at)
                cache.set(key, page, settings.PAGE_SECONDS + _OLDER)
            return response

    return answer


def _kept(key: str) -> _Page | None:
    page: _Page | None = cache.get(key)
    return page


@contextmanager
def _turn(key: str, *, patience: float) -> Iterator[bool]:
    """Whether it is our turn to render the page: nobody else is at it, after so many seconds."""
    lock = _rendering[int(key, 16) % len(_rendering)]
    ours = lock.acquire(timeout=patience)
    try:
        yield ours
    finally:
        if ours:
            lock.release()


def _is_for_everyone(request: HttpRequest) -> bool:
    return (
        request.method == "GET"
        and settings.SESSION_COOKIE_NAME not in request.COOKIES
        and "Authorization" not in request.headers
    )


def _key(request: HttpRequest) -> str:
    told = (request.headers.get(name, "") for name in _HEADERS)
    page = "\n".join((request.build_absolute_uri(), theme_of(request), *told))
    return sha256(page.encode(errors="surrogatepass")).hexdigest()
