"""Starting runs from the admin, and the messages about it."""

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from hub.content.runs import start_run
from hub.models import RunTrigger


def may_refresh(request: HttpRequest) -> bool:
    """Whether the user may start a run."""
    return bool(request.user.has_perm("hub.add_refreshrun"))


def refresh(
    request: HttpRequest, *, chosen: Sequence[str] | None = None, shrink_accepted: bool = False
) -> None:
    """Start a run for the signed-in user, or say that one is open already."""
    user: Any = request.user
    started = start_run(
        RunTrigger.ADMIN, requested_by=user, chosen=chosen, shrink_accepted=shrink_accepted
    )
    link = run_link("hub_refreshrun", started.run.pk, f"run {started.run.pk}")
    report_start(request, link, "Refreshing now", started.created)


def run_link(model: str, pk: int, text: str) -> SafeString:
    """A link to a run's page."""
    return format_html('<a href="{}">{}</a>', reverse(f"admin:{model}_change", args=[pk]), text)


def report_start(request: HttpRequest, link: SafeString, action: str, created: bool) -> None:
    """Say that a run was started, or that another is open."""
    if created:
        messages.success(request, format_html("{}: {}.", action, link))
    else:
        text = "{} is already running, so no other was started. Wait until it finishes."
        messages.warning(request, format_html(text, link))
