"""The theme: light, dark or the system's. A cookie, so that pages never flash the wrong one."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, HttpResponseRedirect
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from hub.names.own_paths import own_path

COOKIE = "theme"
CHOSEN = ("light", "dark")
_MAX_AGE = 365 * 24 * 3600  # seconds


def theme_of(request: HttpRequest) -> str:
    """Return the theme that the reader chose; "" for the system's."""
    theme = request.COOKIES.get(COOKIE, "")
    return theme if theme in CHOSEN else ""


def theme(request: HttpRequest) -> dict[str, Any]:
    """Context processor: set `theme` for base.html."""
    return {"theme": theme_of(request)}


# A CSRF token would need a cookie for each reader and make every page different, and would protect
# only the theme of the reader's own browser.
@csrf_exempt
@require_POST
def choose_theme(request: HttpRequest) -> HttpResponse:
    """Store the theme in a cookie, and redirect to the page in `next`."""
    theme = request.POST.get("theme", "")
    if theme not in (*CHOSEN, "system"):
        return HttpResponseBadRequest("theme must be light, dark or system\n", "text/plain")
    response = HttpResponseRedirect(own_path(request.POST.get("next", "")), status=303)
    if theme == "system":
        response.delete_cookie(COOKIE, samesite="Lax")
    else:
        response.set_cookie(
            COOKIE,
            theme,
            max_age=_MAX_AGE,
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite="Lax",
        )
    return response
