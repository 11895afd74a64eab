"""Categories and exporters; refreshing chosen exporters."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest

from hub.admin.refresh import may_refresh, refresh
from hub.github.source import configured_source
from hub.models import Category, Exporter, ExporterContents


@admin.register(Category)
class CategoryAdmin(admin.ModelAdmin[Category]):
    """The shelves."""

    search_fields = ["name"]


class HasDirectory(admin.SimpleListFilter):
    """Exporters with a directory, and those for which none was found."""

    title = "directory"
    parameter_name = "directory"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "has one"), ("no", "has none")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Exporter]) -> QuerySet[Exporter]:
        here = ExporterContents.objects.filter(
            source=configured_source().key, exporter=OuterRef("pk")
        )
        if self.value() == "yes":
            return queryset.filter(Exists(here))
        return queryset.filter(~Exists(here)) if self.value() == "no" else queryset


@admin.register(Exporter)
class ExporterAdmin(admin.ModelAdmin[Exporter]):
    """The catalogue."""

    list_display = ["title", "category", "official", "repository", "directories"]
    list_filter = [HasDirectory, "category", "official"]
    search_fields = ["title", "project_name", "slug", "repository"]
    list_select_related = ["category"]
    prepopulated_fields = {"slug": ["title"]}
    actions = ["refresh_contents"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Exporter]:
        return super().get_queryset(request).prefetch_related("contents")

    @admin.display(description="directories")
    def directories(self, exporter: Exporter) -> str:
        """The directories that hold this exporter's contents."""
        return ", ".join(row.directory for row in exporter.contents.all()) or "–"

    def has_refresh_permission(self, request: HttpRequest) -> bool:
        """Named so that Django offers the action only to those who may start a run."""
        return may_refresh(request)

    @admin.action(description="Refresh contents now", permissions=["refresh"])
    def refresh_contents(self, request: HttpRequest, chosen: QuerySet[Exporter]) -> None:
        """Look up just the directories of the chosen exporters."""
        directories = list(
            ExporterContents.objects.filter(
                source=configured_source().key, exporter__in=chosen
            ).values_list("directory", flat=True)
        )
        if directories:
            refresh(request, chosen=directories)
        else:
            messages.warning(
                request,
                "None of the chosen exporters has a directory yet. "
                "Refresh everything from the list of runs to find new ones.",
            )
