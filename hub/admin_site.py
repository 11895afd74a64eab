"""The admin site. Kept out of `hub.admin`, because the modules there register with it."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from django.conf import settings
from django.contrib.admin import AdminSite
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import TO_FIELD_VAR
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.core.exceptions import BadRequest
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from hub import clock
from hub.content import status
from hub.content.map import read_map
from hub.github.source import configured_source
from hub.names.own_paths import own_path
from hub.runs.schedule import schedule_status

_RUNS = 8  # on the start page
_BROKEN = 10  # directories with errors on the start page

View = TypeVar("View", bound=Callable[..., HttpResponseBase])


class HubAdminSite(AdminSite):
    """Django's admin site with the hub's titles, start page and validation of parameters."""

    site_header = "Exporter Hub"
    site_title = "Exporter Hub admin"
    index_title = "Admin"

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """Return the context of all admin pages; `is_demo`: GitHub is the built-in fake."""
        return super().each_context(request) | {"is_demo": settings.HUB_DEMO}

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Show the start page: the hub's state, what needs attention, and the models."""
        return super().index(request, {**_start_page(request), **(extra_context or {})})

    def admin_view(self, view: View, cacheable: bool = False) -> View:
        """Wrap Django's view so that invalid parameters give a 400 instead of a 500."""
        inner = super().admin_view(view, cacheable)

        @wraps(view)
        def checked_view(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            _reject_invalid_parameters(request)
            return inner(request, *args, **kwargs)

        return cast(View, checked_view)

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Show Django's sign-in form, which leads to the page in `next`."""
        _correct_next(request)
        return super().login(request, extra_context)

    def logout(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Sign out, and show the page in `next`."""
        _correct_next(request)
        return super().logout(request, extra_context)


def _start_page(request: HttpRequest) -> dict[str, Any]:
    """Return the context of the start page: what the status page shows to everyone, and more.

    The lists are empty for users who may not see their rows.
    """
    may = request.user.has_perm
    may_see_tokens = may("hub.view_githubtoken")
    now = clock.now()
    plan = schedule_status(now)
    served = read_map.fetch_map().served
    directories = status.directories()
    runs = list(status.runs()[:_RUNS])
    return {
        "freshness": read_map.freshness(served),
        "snapshot": served.snapshot_id,
        "source": configured_source(),
        "plan": plan,
        "beat_seen": now - plan.late_by,
        "now": now,
        "directories": directories,
        "errors": directories.broken[:_BROKEN] if may("hub.view_exportercontents") else [],
        "runs": runs if may("hub.view_refreshrun") else [],
        "may_see_tokens": may_see_tokens,
        "tokens": status.token_quotas() if may_see_tokens else [],
        "may_refresh": may("hub.add_refreshrun"),
        "may_check": may("hub.add_githubtoken"),
        "may_edit": may("hub.add_contentedit"),
        **status.progress(runs[0] if runs else None),
    }


def _correct_next(request: HttpRequest) -> None:
    """Let a `next` that is not a page of this hub lead home; Django's default does not exist."""
    for method in ("GET", "POST"):
        parameters = getattr(request, method)
        if REDIRECT_FIELD_NAME in parameters:
            corrected = parameters.copy()
            corrected[REDIRECT_FIELD_NAME] = own_path(parameters[REDIRECT_FIELD_NAME])
            setattr(request, method, corrected)


def _reject_invalid_parameters(request: HttpRequest) -> None:
    """Raise `BadRequest` for parameters that Django would use without validation."""
    for name, values in request.GET.lists():
        if "\0" in name or any("\0" in value for value in values):
            raise BadRequest("the URL contains a NUL byte")
    if request.GET.get(TO_FIELD_VAR) == "":
        raise BadRequest(f"{TO_FIELD_VAR} is empty")
    if not all(number.isdecimal() for number in request.POST.getlist(ACTION_CHECKBOX_NAME)):
        raise BadRequest("a selected row has no numeric ID")
