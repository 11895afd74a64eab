"""Admin for facts runs, which fetch facts about the exporters' repositories."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest

from hub.admin.runs import ReadOnly, RunAdmin, report_start, run_link
from hub.facts.runs import start_facts_run
from hub.models import FactsLookup, FactsRun, RunTrigger


def may_refresh_facts(request: HttpRequest) -> bool:
    """Return whether the user may start a facts run."""
    return bool(request.user.has_perm("hub.add_factsrun"))


def refresh_facts(request: HttpRequest, chosen: Sequence[int]) -> None:
    """Start a facts run for the exporters with the ids in `chosen` and report the result."""
    user: Any = request.user
    run, created = start_facts_run(RunTrigger.ADMIN, requested_by=user, chosen=chosen)
    report_start(request, run_link("hub_factsrun", run.pk, str(run)), "Fetching facts", created)


class FactsLookupInline(ReadOnly, admin.TabularInline[FactsLookup, FactsRun]):
    """The exporters that the run looked up."""

    model = FactsLookup
    template = "admin/hub/lookups.html"
    fields = ("exporter", "outcome", "changed", "reason", "detail", "requests", "finished_at")
    readonly_fields = fields
    ordering = ["outcome", "-changed", "exporter__title"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[FactsLookup]:
        return super().get_queryset(request).select_related("exporter")


@admin.register(FactsRun)
class FactsRunAdmin(RunAdmin[FactsRun]):
    """Facts runs, newest first. An action in the list of exporters starts one."""

    list_display = ["number", "result", "reason", "trigger", "requested_by", "started", "duration"]
    list_display += ["progress", "changed", "failed", "requests"]
    inlines = [FactsLookupInline]

    def get_queryset(self, request: HttpRequest) -> QuerySet[FactsRun]:
        runs = FactsRun.objects.counted().select_related("requested_by")
        return runs.annotate(changes=Count("lookups", filter=Q(lookups__changed=True)))

    def changed(self, run: Any) -> Any:
        return run.changes

    def requests(self, run: Any) -> Any:
        return run.lookup_requests  # includes 304 responses, which GitHub does not count
