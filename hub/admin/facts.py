"""Runs that fetched the repositories' facts, and fetching them for chosen exporters."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import Count, F, Q, QuerySet, Sum
from django.db.models.functions import Coalesce
from django.http import HttpRequest

from hub.admin.contents import ReadOnly
from hub.admin.refresh import report_start, run_link
from hub.facts.runs import start_run
from hub.models import FactsLookup, FactsRun, Outcome, RunTrigger


def may_refresh_facts(request: HttpRequest) -> bool:
    """Whether the user may start a facts run."""
    return bool(request.user.has_perm("hub.add_factsrun"))


def refresh_facts(request: HttpRequest, chosen: Sequence[int]) -> None:
    """Fetch the facts of the chosen exporters, or say that a run is open."""
    user: Any = request.user
    run, created = start_run(RunTrigger.ADMIN, requested_by=user, chosen=chosen)
    report_start(request, run_link("hub_factsrun", run.pk, str(run)), "Asking GitHub now", created)


class FactsLookupInline(ReadOnly, admin.TabularInline[FactsLookup, FactsRun]):
    """The exporters of the run."""

    model = FactsLookup
    fields = ("exporter", "outcome", "changed", "reason", "detail", "requests", "finished_at")
    readonly_fields = fields
    ordering = ["outcome", "-changed", "exporter__title"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[FactsLookup]:
        return super().get_queryset(request).select_related("exporter")


@admin.register(FactsRun)
class FactsRunAdmin(ReadOnly, admin.ModelAdmin[FactsRun]):
    """The runs, newest first. One is started for chosen exporters in the list of exporters."""

    list_display = ["number", "status", "progress", "changed", "failed", "requests", "started_at"]
    list_display += ["duration", "reason", "trigger", "requested_by"]
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
        return run.pk

    def duration(self, run: FactsRun) -> str:
        return f"{run.seconds:.1f} s"

    @admin.display(description="exporters")
    def progress(self, run: Any) -> str:
        return f"{run.looked_up} of {run.to_look_up}"

    def changed(self, run: Any) -> Any:
        return run.changes

    def failed(self, run: Any) -> Any:
        return run.failures

    def requests(self, run: Any) -> Any:
        return run.asked  # those with a free 304 included
