"""Runs with their outcomes, and what the map says; all of it is made by runs, so read-only."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_POST

from hub.admin.refresh import may_refresh, refresh
from hub.contents import status
from hub.models import ExporterContents, Lookup, RefreshRun, RunStatus


class ReadOnly:
    """No adding, changing or deleting by hand."""

    def has_add_permission(self, *_: Any) -> bool:
        return False

    def has_change_permission(self, *_: Any) -> bool:
        return False

    def has_delete_permission(self, *_: Any) -> bool:
        return False


class LookupInline(ReadOnly, admin.TabularInline[Lookup, RefreshRun]):
    """The directories that the run looked up."""

    model = Lookup
    fields = ("directory", "outcome", "reason", "detail", "requests", "finished_at")
    readonly_fields = ("directory", "outcome", "reason", "detail", "requests", "finished_at")
    ordering = ["outcome", "directory"]


@admin.register(RefreshRun)
class RefreshRunAdmin(ReadOnly, admin.ModelAdmin[RefreshRun]):
    """The runs. The page's button starts one; a held one can be published all the same."""

    change_list_template = "admin/hub/refreshrun/change_list.html"
    list_display = [
        "number",
        "status",
        "reason",
        "trigger",
        "requested_by",
        "started_at",
        "duration",
        "directories",
        "progress",
        "failures",
    ]
    list_filter = ["status", "trigger"]
    date_hierarchy = "started_at"
    inlines = [LookupInline]
    actions = ["publish_held"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[RefreshRun]:
        return status.runs().select_related("requested_by")

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(require_POST(self.refresh_now))
        return [path("refresh/", view, name="hub_refresh_now"), *super().get_urls()]

    def refresh_now(self, request: HttpRequest) -> HttpResponseRedirect:
        """The button: refresh everything that changed."""
        if not may_refresh(request):
            raise PermissionDenied
        refresh(request)
        return HttpResponseRedirect(reverse("admin:hub_refreshrun_changelist"))

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        context = {"may_refresh": may_refresh(request), "hub": status.describe()}
        return super().changelist_view(request, {**context, **(extra_context or {})})

    def has_refresh_permission(self, request: HttpRequest) -> bool:
        """Named so that Django offers the action only to those who may start a run."""
        return may_refresh(request)

    @admin.action(
        description="Publish a held run although directories vanished", permissions=["refresh"]
    )
    def publish_held(self, request: HttpRequest, chosen: QuerySet[RefreshRun]) -> None:
        """List again and publish what is there now: costs a request, never publishes the past."""
        if chosen.filter(status=RunStatus.HELD).exists():
            refresh(request, shrink_accepted=True)
        else:
            self.message_user(request, "None of the chosen runs is held back.", "warning")

    @admin.display(description="run", ordering="pk")
    def number(self, run: RefreshRun) -> int:
        """The run's number."""
        return run.pk

    @admin.display(description="took")
    def duration(self, run: RefreshRun) -> str:
        """How long it took."""
        return f"{run.seconds:.1f} s"

    @admin.display(description="looked up")
    def progress(self, run: Any) -> str:
        """Lookups that have ended, of those there are."""
        return f"{run.looked_up} of {run.to_look_up}"

    @admin.display(description="failed")
    def failures(self, run: Any) -> int:
        """Lookups that failed."""
        return int(run.failed)


@admin.register(ExporterContents)
class ExporterContentsAdmin(ReadOnly, admin.ModelAdmin[ExporterContents]):
    """The map, a row per directory."""

    list_display = ["directory", "exporter", "iac", "alerts", "dashboard", "stale", "as_of"]
    list_filter = ["iac", "alerts", "dashboard", "stale"]
    search_fields = ["directory", "exporter__title"]
    list_select_related = ["exporter"]
