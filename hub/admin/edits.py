"""Admin for edits of content files, which are committed to GitHub."""

from collections.abc import Sequence
from typing import Any, cast
from urllib.parse import urlencode

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.forms.widgets import Script
from django.http import HttpRequest, QueryDict
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from hub.admin.runs import run_link
from hub.content import editing
from hub.content.rules.report import Finding
from hub.github.source import configured_source
from hub.models import ContentEdit, EditAction, EditState

_DRAFTS = (EditState.CONFLICT, EditState.REFUSED, EditState.WITHDRAWN)


class ContentEditForm(forms.ModelForm[ContentEdit]):
    """Form to write or delete one file. It applies the same checks as a refresh."""

    text = forms.CharField(
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 30, "cols": 110, "spellcheck": "false"}),
    )
    # The file that `base_sha` belongs to, and the version that is shown for comparison.
    opened = forms.CharField(required=False, widget=forms.HiddenInput)
    seen_sha = forms.CharField(required=False, widget=forms.HiddenInput)
    overwrite = forms.BooleanField(
        required=False,
        label="Overwrite the current file",
        widget=forms.HiddenInput,  # until the file differs from the one that was opened
        help_text="Replaces the file that is shown above.",
    )

    class Meta:
        model = ContentEdit
        fields = ["directory", "path", "action", "text", "message", "base_sha"]
        widgets = {"base_sha": forms.HiddenInput}

    class Media:
        css = {"all": ["hub/codemirror/lib/codemirror.css"]}
        js = [
            Script(f"hub/{path}.js", defer=True)
            for path in (
                "codemirror/lib/codemirror",
                "codemirror/mode/yaml/yaml",
                "codemirror/mode/javascript/javascript",
                "editor",
            )
        ]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.findings: Sequence[Finding] = ()
        # Shown if it is not in the text field: changed after it was opened, or not a text file.
        self.current: editing.CurrentFile | None = None
        if "text" not in self.fields or self.is_bound:
            return
        directory, path = (self.initial.get(name) or "" for name in ("directory", "path"))
        self.initial["opened"] = f"{directory}/{path}"
        current = editing.current_file(directory, path)
        if not self.instance.pk:
            self.initial.update(text=current.text or "", base_sha=current.sha)
            self.findings = current.findings
            if current.sha and current.text is None:
                self.current = current
        elif current.sha != self.instance.base_sha:
            self._offer_overwriting(current)

    def clean_text(self) -> str:
        """Return the text with LF line endings: browsers send CR LF."""
        return str(self.cleaned_data["text"]).replace("\r\n", "\n")

    def clean(self) -> dict[str, Any]:
        """Check the edit and report each error at its field."""
        cleaned = super().clean() or {}
        if self.errors:
            return cleaned
        target = f"{cleaned['directory']}/{cleaned['path']}"
        seen_sha, opened = cleaned.pop("seen_sha"), cleaned.pop("opened")
        if cleaned.pop("overwrite"):
            cleaned["base_sha"] = seen_sha
        elif opened not in ("", target):
            cleaned["base_sha"] = ""  # of another file: the author has not opened this one
        self.proposal = editing.EditProposal(
            directory=cleaned["directory"],
            path=cleaned["path"],
            action=EditAction(cleaned["action"]),
            text=cleaned["text"] if cleaned["action"] == EditAction.WRITE else "",
            base_sha=cleaned["base_sha"],
            message=cleaned["message"],
        )
        try:
            editing.check_edit(self.proposal)
        except editing.FileChangedSince as changed:
            self.add_error("overwrite", str(changed))
            self._offer_overwriting(editing.current_file(cleaned["directory"], cleaned["path"]))
        except editing.InvalidEdit as invalid:
            self.findings = invalid.findings
            self.add_error(invalid.field, str(invalid))
        return cleaned

    def _offer_overwriting(self, current: editing.CurrentFile) -> None:
        """Show the current file, and the check box to overwrite this version of it."""
        self.current = current
        self.fields["overwrite"].widget = forms.CheckboxInput()
        self.initial["seen_sha"] = current.sha
        if self.is_bound:
            data = cast(QueryDict, self.data).copy()
            data["seen_sha"] = current.sha
            data.pop("overwrite", None)
            self.data = data


@admin.register(ContentEdit)
class ContentEditAdmin(admin.ModelAdmin[ContentEdit]):
    """Edits of content files. Saving one starts a run that commits and publishes it."""

    form = ContentEditForm
    list_display = ["file", "action", "state", "reason", "author", "created_at", "run_link"]
    list_filter = ["state", "action"]
    search_fields = ["directory", "path", "message"]
    list_select_related = ["author"]
    actions = ["withdraw"]
    _state = ["state", "reason", "detail", "commit_sha", "committed_at", "run_link"]
    readonly_fields = [*_state, "submitted_text"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[ContentEdit]:
        return super().get_queryset(request).filter(source=configured_source().key)

    def has_change_permission(self, request: HttpRequest, obj: ContentEdit | None = None) -> bool:
        """Only drafts can be changed; saving one commits it, so it requires the add permission."""
        if obj is not None and (obj.state not in _DRAFTS or not self.has_add_permission(request)):
            return False
        return super().has_change_permission(request, obj)

    def get_fields(self, request: HttpRequest, obj: ContentEdit | None = None) -> Any:
        target = ["directory", "path", "action"]
        editable = ["overwrite", *target, "text", "message", "base_sha", "opened", "seen_sha"]
        if obj is None:
            return editable
        if self.has_change_permission(request, obj):
            return [*self._state, *editable]
        return [*target, "submitted_text", "message", *self._state]

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> Any:
        """Show the form for the file in the URL, or for any file."""
        directory, path = (request.GET.get(name, "") for name in ("directory", "path"))
        title = f"Edit {directory}/{path}" if path else "Write a file"
        return super().add_view(request, form_url, {"title": title, **(extra_context or {})})

    def save_model(self, request: HttpRequest, obj: ContentEdit, form: Any, change: bool) -> None:
        """Store the edit and start the run that commits it."""
        author = request.user if request.user.is_authenticated else None
        edit, started = editing.submit_edit(form.proposal, author, obj)
        obj.pk = edit.pk
        link = run_link("hub_refreshrun", started.run.pk, f"run {started.run.pk}")
        queued = "Your edit is queued. It is committed after {}."
        text = "Your edit is committed and published by {}." if started.created else queued
        messages.info(request, format_html(text, link))

    @admin.action(description="Withdraw queued edits", permissions=["change"])
    def withdraw(self, request: HttpRequest, queryset: QuerySet[ContentEdit]) -> None:
        """Withdraw queued edits. They stay as drafts that can be changed and saved again."""
        count = queryset.filter(state=EditState.QUEUED).update(state=EditState.WITHDRAWN)
        text = f"Queued edits withdrawn: {count}. Committed edits are not affected."
        self.message_user(request, text)

    @admin.display(ordering="directory")
    def file(self, edit: ContentEdit) -> str:
        return f"{edit.directory}/{edit.path}"

    @admin.display(description="run")
    def run_link(self, edit: ContentEdit) -> str:
        return run_link("hub_refreshrun", edit.run_id, str(edit.run_id)) if edit.run_id else "–"

    @admin.display(description="text")
    def submitted_text(self, edit: ContentEdit) -> SafeString:
        return format_html("<pre>{}</pre>", edit.text)


def edit_link(directory: str, path: str, label: str) -> SafeString:
    """Return a link to the edit form for a file."""
    query = urlencode({"directory": directory, "path": path})
    return format_html('<a href="{}?{}">{}</a>', reverse("admin:hub_contentedit_add"), query, label)
