"""Admin for refresh runs and for the contents of each directory.

Runs write this data, so it is read-only, except for which exporter a directory belongs to.
"""

from collections.abc import Callable
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.views.decorators.http import require_POST

from hub.admin.edits import edit_link
from hub.admin.runs import ReadOnly, RunAdmin, may_refresh, refresh
from hub.content import status
from hub.content.content_files import files_of, judgement_of, with_trees
from hub.content.kinds import KINDS, Kind
from hub.github.source import configured_source
from hub.models import DirectoryOwner, Exporter, ExporterContents, Lookup, RefreshRun
from hub.models.choices import RunStatus
from hub.names.own_paths import own_path


class LookupInline(ReadOnly, admin.TabularInline[Lookup, RefreshRun]):
    """The directories that the run looked up."""

    model = Lookup
    template = "admin/hub/lookups.html"
    fields = ("directory", "outcome", "reason", "detail", "requests", "finished_at")
    readonly_fields = fields
    ordering = ["outcome", "directory"]


@admin.register(RefreshRun)
class RefreshRunAdmin(RunAdmin[RefreshRun]):
    """Refresh runs, with a button to start one and an action to publish a held run."""

    change_list_template = "admin/hub/refreshrun/change_list.html"
    list_display = (
        *("number", "result", "reason", "trigger", "requested_by", "started", "duration"),
        *("directories", "progress", "failed"),
    )
    inlines = [LookupInline]
    actions = ["publish_held"]
    has_refresh_permission = staticmethod(may_refresh)

    def get_queryset(self, request: HttpRequest) -> QuerySet[RefreshRun]:
        return status.runs().select_related("requested_by")

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(require_POST(self.refresh_now))
        return [path("refresh/", view, name="hub_refresh_now"), *super().get_urls()]

    def refresh_now(self, request: HttpRequest) -> HttpResponse:
        """Start a run that refreshes everything that changed, for the button on two pages."""
        if not may_refresh(request):
            raise PermissionDenied
        refresh(request)
        back = request.POST.get("next", "")
        return redirect(own_path(back) if back else "admin:hub_refreshrun_changelist")

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        context = {"may_refresh": may_refresh(request), "hub": status.describe_status()}
        return super().changelist_view(request, {**context, **(extra_context or {})})

    @admin.action(
        description="Publish a held run despite the removed directories", permissions=["refresh"]
    )
    def publish_held(self, request: HttpRequest, queryset: QuerySet[RefreshRun]) -> None:
        """Start a run that accepts the removals. It lists again, so it publishes current data."""
        if queryset.filter(status=RunStatus.HELD).exists():
            refresh(request, shrink_accepted=True)
        else:
            self.message_user(request, "Select a run that is held back.", "warning")


class OwnerForm(forms.ModelForm[ExporterContents]):
    """Form to assign a directory to an exporter."""

    BY_NAME, NONE = "", "none"
    owner = forms.ChoiceField(required=False, label="Belongs to")

    class Meta:
        model = ExporterContents
        fields: ClassVar[list[str]] = []

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "owner" not in self.fields:
            return
        self.fields["owner"].choices = [  # type: ignore[attr-defined]
            (self.BY_NAME, "Exporter that matches the directory's name"),
            (self.NONE, "No exporter"),
            *Exporter.objects.values_list("pk", "title"),
        ]
        if assigned := _owners(self.instance).first():
            self.initial["owner"] = str(assigned.exporter_id or self.NONE)


def _owners(row: ExporterContents) -> QuerySet[DirectoryOwner]:
    """Return the manual assignment of the row's directory, if there is one."""
    return DirectoryOwner.objects.filter(source=row.source, directory=row.directory)


def _state_column(kind: Kind) -> Callable[[ExporterContents], str]:
    """Return the list column that shows the state of a kind."""

    @admin.display(description=kind.short_label, ordering=kind.usable_field)
    def state(row: ExporterContents) -> str:
        present, usable = getattr(row, kind.field), getattr(row, kind.usable_field)
        if not present:
            return "unknown" if present is None else "–"
        return {True: "usable", False: "broken", None: "present"}[usable]

    return state


@admin.register(ExporterContents)
class ExporterContentsAdmin(ReadOnly, admin.ModelAdmin[ExporterContents]):
    """Directories with their files and findings. Only the owner can be changed."""

    form = OwnerForm
    list_display = ["directory", "exporter", *map(_state_column, KINDS), "stale", "as_of"]
    list_filter = [
        ("exporter", admin.EmptyFieldListFilter),
        *(field for kind in KINDS for field in (kind.field, kind.usable_field)),
        "stale",
    ]
    search_fields = ["directory", "exporter__title"]
    list_select_related = ["exporter"]
    fields = ["directory", "exporter", "owner", "stale", "tree_sha", "findings", "files"]
    readonly_fields = ["directory", "exporter", "stale", "tree_sha", "findings", "files"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[ExporterContents]:
        return super().get_queryset(request).filter(source=configured_source().key)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm("hub.change_directoryowner"))

    def get_fields(self, request: HttpRequest, obj: ExporterContents | None = None) -> Any:
        """Omit the owner for users who may not change it."""
        may = self.has_change_permission(request, obj)
        return [name for name in self.fields if may or name != "owner"]

    def save_model(self, request: Any, obj: ExporterContents, form: Any, change: bool) -> None:
        """Store the assignment, which renders the map again. Only runs write the row itself."""
        chosen = form.cleaned_data["owner"]
        if chosen == OwnerForm.BY_NAME:
            _owners(obj).delete()
            return
        DirectoryOwner.objects.update_or_create(
            source=obj.source,
            directory=obj.directory,
            defaults={"exporter_id": None if chosen == OwnerForm.NONE else int(chosen)},
        )

    def view_on_site(self, row: ExporterContents) -> str:
        """Return the public page that shows the directory."""
        return reverse("directory", args=[row.directory])

    def findings(self, row: ExporterContents) -> str:
        lines = (
            (finding.level, finding.path, finding.line, finding.reason)
            for finding in judgement_of(row).findings
        )
        return format_html_join("", "<p><b>{}</b> {}, line {}: {}</p>", lines) or "none"

    def files(self, row: ExporterContents) -> str:
        """Return the directory's files, each with a link to edit it."""
        links = (
            (edit_link(row.directory, file.path, file.path), ", ".join(file.letters))
            for file in files_of(with_trees(ExporterContents.objects.filter(pk=row.pk)))
        )
        new = edit_link(row.directory, "", "add a file")
        return format_html("{}<p>{}</p>", format_html_join("", "<p>{} {}</p>", links), new)
