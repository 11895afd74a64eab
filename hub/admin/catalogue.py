"""Admin for categories and exporters: edit, add by repository, import, export and refresh."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.widgets import AdminURLFieldWidget
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.safestring import SafeString

from hub.admin.facts import may_refresh_facts, refresh_facts
from hub.admin.runs import may_refresh, refresh
from hub.catalogue import logos
from hub.catalogue.add_by_repository import NotAdded, add_by_repository
from hub.catalogue.apply_import import NotApplied, apply_import, plan_import
from hub.catalogue.importing import ImportPlan, as_rows
from hub.catalogue.table import COLUMNS, export
from hub.github.source import configured_source
from hub.models import Category, Exporter, ExporterContents
from hub.models.catalogue import RESET_FACTS

_MAX_FILE_SIZE = 2 * 1024 * 1024  # bytes; a catalogue of 1,000 exporters is 0.2 MB
_FACTS = ["stars", "archived", "default_branch", "renamed_to", "last_release_at"]
_FACTS += ["facts_at", "facts_problem"]


@admin.register(Category)
class CategoryAdmin(admin.ModelAdmin[Category]):
    """Categories of exporters."""

    search_fields = ["name"]


class HasDirectory(admin.SimpleListFilter):
    """Filter exporters by whether they have a directory in the repository."""

    title = "directory"
    parameter_name = "directory"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "With directory"), ("no", "Without directory")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Exporter]) -> QuerySet[Exporter]:
        rows = ExporterContents.objects.filter(source=configured_source().key)
        has_directory = Exists(rows.filter(exporter=OuterRef("pk")))
        filters = {"yes": has_directory, "no": ~has_directory}
        return queryset.filter(filters.get(self.value() or "", Q()))


class ExporterForm(forms.ModelForm[Exporter]):
    """Form for an exporter and its logo."""

    repository = forms.URLField(
        max_length=200,
        assume_scheme="https",
        widget=AdminURLFieldWidget,
        help_text="https://github.com/OWNER/NAME",
    )
    new_logo = forms.FileField(
        required=False,
        label="New logo",
        widget=forms.FileInput(attrs={"accept": ".png,.jpg,.jpeg,.webp,.svg"}),
        help_text=f"PNG, JPEG, WebP or SVG, up to {logos.MAX_LOGO_SIZE // 1024} KB.",
    )
    remove_logo = forms.BooleanField(required=False, label="Remove the logo")

    class Meta:
        model = Exporter
        fields = ["title", "slug", *COLUMNS[2:]]

    def clean_new_logo(self) -> tuple[str, bytes] | None:
        """Return the logo's media type and bytes, or None if no file was uploaded."""
        upload: UploadedFile[bytes] | None = self.cleaned_data["new_logo"]
        if upload is None:
            return None
        try:
            return logos.check_logo(upload.read(logos.MAX_LOGO_SIZE + 1))
        except logos.NotALogo as error:
            raise ValidationError(str(error)) from None


class AddByRepositoryForm(forms.Form):
    """Form to add an exporter by its repository; the other fields come from GitHub."""

    url = forms.CharField(
        label="Repository",
        max_length=200,
        widget=AdminURLFieldWidget,
        help_text="https://github.com/OWNER/NAME",
    )
    category = forms.ModelChoiceField(Category.objects.all())


class ImportForm(forms.Form):
    """Form to upload a CSV file of exporters."""

    file = forms.FileField(
        label="CSV file",
        widget=forms.FileInput(attrs={"accept": ".csv,text/csv"}),
        help_text="UTF-8, up to 2 MB. Required columns: title, repository, category. Optional: "
        "slug, project_name, official, description. You can review the changes before they are "
        "applied.",
    )

    def clean_file(self) -> bytes:
        upload: UploadedFile[bytes] = self.cleaned_data["file"]
        if upload.size is None or upload.size > _MAX_FILE_SIZE:
            raise ValidationError(
                f"The file is {(upload.size or 0) / 1024 / 1024:.1f} MB; the limit is 2 MB. "
                "Import larger files with `manage.py importcatalogue FILE`."
            )
        return bytes(upload.read())


@admin.register(Exporter)
class ExporterAdmin(admin.ModelAdmin[Exporter]):
    """Exporters in the catalogue."""

    form = ExporterForm
    change_list_template = "admin/hub/exporter/change_list.html"
    list_display = ["title", "category", "official", "stars", "facts", "directories", "repository"]
    list_filter = [HasDirectory, "category", "official", "archived", "facts_problem"]
    search_fields = ["title", "project_name", "slug", "repository"]
    list_select_related = ["category"]
    prepopulated_fields = {"slug": ["title"]}
    actions = ["refresh_contents", "refresh_facts"]
    has_refresh_permission = staticmethod(may_refresh)
    has_refresh_facts_permission = staticmethod(may_refresh_facts)
    fieldsets = [
        (None, {"fields": [*ExporterForm.Meta.fields]}),
        ("Logo", {"fields": ["current_logo", "new_logo", "remove_logo"]}),
        ("Facts from GitHub", {"fields": [*_FACTS]}),
    ]
    readonly_fields = ["current_logo", *_FACTS]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Exporter]:
        rows = ExporterContents.objects.filter(source=configured_source().key)
        return super().get_queryset(request).prefetch_related(Prefetch("contents", rows))

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path(
                "add-by-repository/",
                wrap(self.add_by_repository_view),
                name="hub_exporter_add_by_repository",
            ),
            path("import/", wrap(self.import_view), name="hub_exporter_import"),
            path("export/", wrap(self.export_view), name="hub_exporter_export"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        context = {"may_import": self.may_import(request)}
        return super().changelist_view(request, {**context, **(extra_context or {})})

    def save_model(self, request: HttpRequest, obj: Exporter, form: Any, change: bool) -> None:
        """Save the exporter and its logo; clear the facts when the repository changed."""
        if "repository" in form.changed_data:
            for name, value in RESET_FACTS.items():
                setattr(obj, name, value)
        super().save_model(request, obj, form, change)
        new_logo = form.cleaned_data.get("new_logo")
        if new_logo:
            logos.store_logo(obj, *new_logo)
        elif form.cleaned_data.get("remove_logo"):
            logos.remove_logo(obj)

    def add_by_repository_view(self, request: HttpRequest) -> HttpResponse:
        """Add an exporter by its repository's URL."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = AddByRepositoryForm(request.POST or None)
        if form.is_valid():
            try:
                exporter = add_by_repository(
                    form.cleaned_data["url"], form.cleaned_data["category"]
                )
            except NotAdded as error:
                form.add_error("url", str(error))
            else:
                self.log_addition(request, exporter, "Added by its repository.")
                text = f"Added {exporter} to the catalogue. Check the title before you continue."
                messages.success(request, text)
                if not self.has_view_or_change_permission(request):
                    return redirect("admin:index")
                return redirect("admin:hub_exporter_change", exporter.pk)
        context = self._context(request, "Add an exporter by its repository", form=form)
        return render(request, "admin/hub/exporter/add_by_repository.html", context)

    def may_import(self, request: HttpRequest) -> bool:
        """Return whether the user may add and change exporters."""
        return self.has_add_permission(request) and self.has_change_permission(request)

    def import_view(self, request: HttpRequest) -> HttpResponse:
        """Show the upload form, then the planned changes; apply them once they are confirmed."""
        if not self.may_import(request):
            raise PermissionDenied
        if request.method == "POST" and "seen" in request.POST:
            return self._confirm_import(request)
        form = ImportForm(request.POST or None, request.FILES or None)
        if request.method == "POST" and form.is_valid():
            data = form.cleaned_data["file"]
            return self._show_plan(request, data, plan_import(data))
        context = self._context(request, "Import exporters", form=form)
        return render(request, "admin/hub/exporter/import.html", context)

    def _show_plan(self, request: HttpRequest, data: bytes, plan: ImportPlan) -> HttpResponse:
        context = self._context(
            request,
            "Import exporters: review the changes",
            plan=plan,
            rows=as_rows(plan),
            # A plan with problems cannot be confirmed, and the file may not be UTF-8.
            text="" if plan.problems else data.decode("utf-8-sig"),
        )
        return render(request, "admin/hub/exporter/import_plan.html", context)

    def _confirm_import(self, request: HttpRequest) -> HttpResponse:
        """Apply the plan if it is still the plan that the user reviewed."""
        data = request.POST.get("text", "").encode()
        plan = plan_import(data)
        if plan.digest != request.POST["seen"]:
            text = "The catalogue changed since your review. Review the import again."
            messages.warning(request, text)
            return self._show_plan(request, data, plan)
        try:
            apply_import(plan)
        except NotApplied as error:
            messages.error(request, f"{error}.")
            return self._show_plan(request, data, plan_import(data))
        messages.success(request, f"Imported: {plan.summary}.")
        return redirect("admin:hub_exporter_changelist")

    def export_view(self, request: HttpRequest) -> HttpResponse:
        """Return the whole catalogue as a CSV file."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        headers = {"Content-Disposition": 'attachment; filename="catalogue.csv"'}
        return HttpResponse(export(), content_type="text/csv; charset=utf-8", headers=headers)

    def _context(self, request: HttpRequest, title: str, **extra: Any) -> dict[str, Any]:
        site = self.admin_site.each_context(request)
        return {**site, "title": title, "opts": self.model._meta, **extra}

    def directories(self, exporter: Exporter) -> str:
        return ", ".join(row.directory for row in exporter.contents.all()) or "–"

    @admin.display(ordering="facts_at")
    def facts(self, exporter: Exporter) -> str:
        if exporter.facts_problem:
            return exporter.get_facts_problem_display()
        return "fetched" if exporter.facts_at else "not fetched yet"

    @admin.display(description="logo")
    def current_logo(self, exporter: Exporter) -> SafeString:
        if not exporter.logo_type:
            return format_html("{}", "No logo. Pages show the first letters of the title instead.")
        return format_html('<img src="{}" width="64" height="64" alt="">', exporter.logo_url)

    @admin.action(description="Refresh contents now", permissions=["refresh"])
    def refresh_contents(self, request: HttpRequest, queryset: QuerySet[Exporter]) -> None:
        """Start a run that looks up the directories of the selected exporters."""
        rows = ExporterContents.objects.filter(source=configured_source().key)
        rows = rows.filter(exporter__in=queryset)
        if directories := list(rows.values_list("directory", flat=True)):
            refresh(request, chosen=directories)
        else:
            text = "None of the selected exporters has a directory. To find new directories, "
            messages.warning(request, text + "start a full refresh from the list of refresh runs.")

    @admin.action(description="Refresh facts now", permissions=["refresh_facts"])
    def refresh_facts(self, request: HttpRequest, queryset: QuerySet[Exporter]) -> None:
        """Start a run that fetches stars, README and releases of the selected exporters."""
        refresh_facts(request, list(queryset.values_list("pk", flat=True)))
