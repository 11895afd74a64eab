"""What the admin shows of every run; starting runs, and the messages about it."""

from collections.abc import Sequence
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
    """No adding, changing or deleting by hand."""

    def has_add_permission(self, *_: Any) -> bool:
        return False

    def has_change_permission(self, *_: Any) -> bool:
        return False

    def has_delete_permission(self, *_: Any) -> bool:
        return False


class RunAdmin(ReadOnly, admin.ModelAdmin[R]):
    """Runs with the counts of their lookups (`RunQuerySet.counted`)."""

    list_filter = ["status", "trigger"]
    date_hierarchy = "started_at"

    @admin.display(description="run", ordering="pk")
    def number(self, run: R) -> Any:
        return run.pk

    def duration(self, run: R) -> str:
        return f"{run.seconds:.1f} s"

    @admin.display(description="looked up")
    def progress(self, run: Any) -> str:
        return f"{run.looked_up} of {run.to_look_up}"

    def failed(self, run: Any) -> Any:
        return run.failed


def may_refresh(request: HttpRequest) -> bool:
    """Whether the user may start a run."""
    return bool(request.user.has_perm("hub.add_refreshrun"))


def refresh(
    request: HttpRequest, *, chosen: Sequence[str] | None = None, shrink_accepted: bool = False
) -> None:
    """Start a run for the signed-in user, or say that one is open already."""
    user: Any = request.user
    started = start_refresh(
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
