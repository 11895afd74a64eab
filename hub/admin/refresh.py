"""Refreshing from the admin: one place for the button, the actions and their words."""

from collections.abc import Sequence

from django.contrib import messages
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from hub.content.runs import start_run
from hub.models import RunTrigger

PERMISSION = "hub.add_refreshrun"


def may_refresh(request: HttpRequest) -> bool:
    """Whether the user may start a run."""
    return bool(request.user.has_perm(PERMISSION))


def refresh(
    request: HttpRequest,
    *,
    chosen: Sequence[str] | None = None,
    shrink_accepted: bool = False,
) -> None:
    """Start a run for the signed-in user, or say that one is open already."""
    started = start_run(
        RunTrigger.ADMIN,
        requested_by=request.user,  # type: ignore[arg-type]
        chosen=chosen,
        shrink_accepted=shrink_accepted,
    )
    link = format_html(
        '<a href="{}">run {}</a>',
        reverse("admin:hub_refreshrun_change", args=[started.run.pk]),
        started.run.pk,
    )
    if started.created:
        messages.success(request, format_html("Refreshing now: {}.", link))
    else:
        messages.warning(
            request,
            format_html("{} is open already, so no other was started. Wait for its end.", link),
        )
