"""Light, dark, or the system's theme: a cookie that the server reads, so that no page flashes."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, HttpResponseRedirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

COOKIE = "theme"
CHOSEN = ("light", "dark")
_KEPT = 365 * 24 * 3600  # seconds


def theme_of(request: HttpRequest) -> str:
    """The theme that the reader chose; "" for the system's."""
    theme = request.COOKIES.get(COOKIE, "")
    return theme if theme in CHOSEN else ""


def theme(request: HttpRequest) -> dict[str, Any]:
    """A context processor: `theme` for base.html."""
    return {"theme": theme_of(request)}


# A token would set a cookie for each reader and make each page differ, to protect no more than the
# look of the hub in the browser that sends it.
@csrf_exempt
@require_POST
def choose_theme(request: HttpRequest) -> HttpResponse:
    """Keep the choice, and go back to the page it was made on (`next`)."""
    theme = request.POST.get("theme", "")
    if theme not in (*CHOSEN, "system"):
        return HttpResponseBadRequest("theme is one of: light, dark, system\n", "text/plain")
    response = HttpResponseRedirect(_way_back(request), status=303)
    if theme == "system":
        response.delete_cookie(COOKIE, samesite="Lax")
    else:
        response.set_cookie(
            COOKIE,
            theme,
            max_age=_KEPT,
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite="Lax",
        )
    return response


def _way_back(request: HttpRequest) -> str:
    way = request.POST.get("next", "")
    ours = url_has_allowed_host_and_scheme(way, allowed_hosts=None)  # a path, and no other host
    return way if ours and way.startswith("/") else "/"
