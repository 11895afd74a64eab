"""Admin columns that all runs share, and functions that start runs from the admin."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeVar

from django.contrib import admin, messages
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from hub.content.runs import start_refresh
from hub.models import Run, RunTrigger

R = TypeVar("R", bound=Run)


class ReadOnly:
    """Mixin that denies adding, changing and deleting."""

    def has_add_permission(self, *_: Any) -> bool:
        return False

    has_change_permission = has_delete_permission = has_add_permission


class RunAdmin(ReadOnly, admin.ModelAdmin[R]):
    """Base class for runs; needs the counts of `RunQuerySet.counted`."""

    list_filter = ["status", "trigger"]
    date_hierarchy = "started_at"

    @admin.display(description="run", ordering="pk")
    def number(self, run: R) -> Any:
        return run.pk

    @admin.display(ordering="status")
    def result(self, run: Any) -> Any:
        return run.get_status_display()

    @admin.display(ordering="started_at")
    def started(self, run: R) -> datetime:
        return run.started_at

    def duration(self, run: R) -> str:
        return f"{run.seconds:.1f} s"

    @admin.display(description="looked up")
    def progress(self, run: Any) -> str:
        return f"{run.looked_up} of {run.to_look_up}"

    def failed(self, run: Any) -> Any:
        return run.failed


def may_refresh(request: HttpRequest) -> bool:
    """Return whether the user may start a refresh run."""
    return bool(request.user.has_perm("hub.add_refreshrun"))


def refresh(
    request: HttpRequest, *, chosen: Sequence[str] | None = None, shrink_accepted: bool = False
) -> None:
    """Start a refresh run, of the `chosen` directories or all, and tell the user about it."""
    user: Any = request.user
    started = start_refresh(
        RunTrigger.ADMIN, requested_by=user, chosen=chosen, shrink_accepted=shrink_accepted
    )
    link = run_link("hub_refreshrun", started.run.pk, f"run {started.run.pk}")
    report_start(request, link, "Refresh started", started.created)


def run_link(model: str, pk: int, text: str) -> SafeString:
    """Return a link to a run's page."""
    return format_html('<a href="{}">{}</a>', reverse(f"admin:{model}_change", args=[pk]), text)


def report_start(request: HttpRequest, link: SafeString, action: str, created: bool) -> None:
    """Tell the user that a run started, or that another one is already running."""
    if created:
        messages.success(request, format_html("{}: {}.", action, link))
    else:
        text = "{} is already running. Wait until it finishes, then try again."
        messages.warning(request, format_html(text, link))
