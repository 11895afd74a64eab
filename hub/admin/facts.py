"""Runs that asked for the repositories' facts, and asking again for chosen exporters."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin, messages
from django.db.models import Count, F, Q, QuerySet, Sum
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from hub.admin.contents import ReadOnly
from hub.facts.runs import start_run
from hub.models import FactsLookup, FactsRun, Outcome, RunTrigger


def may_refresh_facts(request: HttpRequest) -> bool:
    """Whether the user may start a facts run."""
    return bool(request.user.has_perm("hub.add_factsrun"))


def refresh_facts(request: HttpRequest, chosen: Sequence[int]) -> None:
    """Ask for the facts of the chosen exporters, or say that a run is open already."""
    run, created = start_run(
        RunTrigger.ADMIN,
        requested_by=request.user,  # type: ignore[arg-type]
        chosen=chosen,
    )
    url = reverse("admin:hub_factsrun_change", args=[run.pk])
    link = format_html('<a href="{}">{}</a>', url, run)
    if created:
        messages.success(request, format_html("Asking GitHub now: {}.", link))
    else:
        messages.warning(
            request,
            format_html("{} is open already, so no other was started. Wait for its end.", link),
        )


class FactsLookupInline(ReadOnly, admin.TabularInline[FactsLookup, FactsRun]):
    """The exporters that the run asked about."""

    model = FactsLookup
    fields = ("exporter", "outcome", "changed", "reason", "detail", "requests", "finished_at")
    readonly_fields = fields
    ordering = ["outcome", "-changed", "exporter__title"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[FactsLookup]:
        return super().get_queryset(request).select_related("exporter")


@admin.register(FactsRun)
class FactsRunAdmin(ReadOnly, admin.ModelAdmin[FactsRun]):
    """The runs, newest first. One is started for chosen exporters in the list of exporters."""

    list_display = [
        "number",
        "status",
        "progress",
        "changed",
        "failed",
        "requests",
        "started_at",
        "duration",
        "reason",
        "trigger",
        "requested_by",
    ]
    list_filter = ["status", "trigger"]
    date_hierarchy = "started_at"
    inlines = [FactsLookupInline]

    def get_queryset(self, request: HttpRequest) -> QuerySet[FactsRun]:
        failed = Q(lookups__outcome__in=[Outcome.FAILED, Outcome.MISSING])
        return (
            super()
            .get_queryset(request)
            .select_related("requested_by")
            .annotate(
                to_look_up=Count("lookups"),
                looked_up=Count("lookups", filter=~Q(lookups__outcome=Outcome.PENDING)),
                changes=Count("lookups", filter=Q(lookups__changed=True)),
                failures=Count("lookups", filter=failed),
                asked=Coalesce(Sum(F("lookups__requests")), 0),
            )
        )

    @admin.display(description="run", ordering="pk")
    def number(self, run: FactsRun) -> int:
        """The run's number."""
        return run.pk

    @admin.display(description="took")
    def duration(self, run: FactsRun) -> str:
        """How long it took."""
        return f"{run.seconds:.1f} s"

    @admin.display(description="asked")
    def progress(self, run: Any) -> str:
        """Exporters that were asked about, of those there are."""
        return f"{run.looked_up} of {run.to_look_up}"

    @admin.display(description="changed")
    def changed(self, run: Any) -> int:
        """Exporters with something new."""
        return int(run.changes)

    @admin.display(description="failed")
    def failed(self, run: Any) -> int:
        """Exporters that could not be asked about."""
        return int(run.failures)

    @admin.display(description="requests")
    def requests(self, run: Any) -> int:
        """Requests to GitHub, those that a 304 made free too."""
        return int(run.asked)
