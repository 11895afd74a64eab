"""The admin site in the hub's name, apart from `hub.admin`, whose modules register with it."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from django.contrib.admin import AdminSite
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import TO_FIELD_VAR
from django.core.exceptions import BadRequest
from django.http import HttpRequest
from django.http.response import HttpResponseBase

View = TypeVar("View", bound=Callable[..., HttpResponseBase])


class HubAdminSite(AdminSite):
    """Django's admin, titled."""

    site_header = "Exporter Hub"
    site_title = "Exporter Hub admin"
    index_title = "What the hub knows and does"

    def admin_view(self, view: View, cacheable: bool = False) -> View:
        """Django's, for addresses that its views can take."""
        inner = super().admin_view(view, cacheable)

        @wraps(view)
        def careful(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            _refuse_odd_parameters(request)
            return inner(request, *args, **kwargs)

        return cast(View, careful)


def _refuse_odd_parameters(request: HttpRequest) -> None:
    """Raise `BadRequest` for what Django hands to Postgres, or takes for a field, unseen."""
    for name, values in request.GET.lists():
        if "\0" in name or any("\0" in value for value in values):
            raise BadRequest("a NUL byte in the address")
    if request.GET.get(TO_FIELD_VAR) == "":
        raise BadRequest(f"{TO_FIELD_VAR} names no field")
    if not all(number.isdecimal() for number in request.POST.getlist(ACTION_CHECKBOX_NAME)):
        raise BadRequest("a chosen row that has no number")
