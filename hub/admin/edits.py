"""Admin for edits of content files, which are committed to GitHub."""

from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from hub.admin.runs import run_link
from hub.content import editing
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
    overwrite = forms.BooleanField(
        required=False,
        label="Overwrite the current file",
        help_text="Someone else changed the file after you opened it. Select this to overwrite "
        "that change.",
    )

    class Meta:
        model = ContentEdit
        fields = ["directory", "path", "action", "text", "message", "base_sha"]
        widgets = {"base_sha": forms.HiddenInput}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "text" in self.fields and not self.is_bound and not self.instance.pk:
            directory, path = (str(self.initial.get(name, "")) for name in ("directory", "path"))
            current = editing.current_file(directory, path)
            self.initial.update(text=current.text or "", base_sha=current.sha)

    def clean_text(self) -> str:
        """Return the text with LF line endings: browsers send CR LF."""
        return str(self.cleaned_data["text"]).replace("\r\n", "\n")

    def clean(self) -> dict[str, Any]:
        """Check the edit and report each error at its field."""
        cleaned = super().clean() or {}
        if self.errors:
            return cleaned
        if cleaned.pop("overwrite", False):
            cleaned["base_sha"] = editing.current_file(cleaned["directory"], cleaned["path"]).sha
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
        except editing.InvalidEdit as invalid:
            reasons = [f"line {finding.line}: {finding.reason}" for finding in invalid.findings]
            self.add_error(invalid.field, ValidationError([str(invalid), *reasons]))
        return cleaned


@admin.register(ContentEdit)
class ContentEditAdmin(admin.ModelAdmin[ContentEdit]):
    """Edits of content files. Saving one starts a run that commits and publishes it."""

    form = ContentEditForm
    list_display = ["file", "action", "state", "reason", "author", "created_at", "run_link"]
    list_filter = ["state", "action"]
    search_fields = ["directory", "path", "message"]
    list_select_related = ["author"]
    actions = ["withdraw"]
    _state = ["state", "reason", "detail", "commit_sha", "run_link"]
    readonly_fields = [*_state, "submitted_text", "published_text"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[ContentEdit]:
        return super().get_queryset(request).filter(source=configured_source().key)

    def has_change_permission(self, request: HttpRequest, obj: ContentEdit | None = None) -> bool:
        """Only drafts can be changed; saving one commits it, so it requires the add permission."""
        if obj is not None and (obj.state not in _DRAFTS or not self.has_add_permission(request)):
            return False
        return super().has_change_permission(request, obj)

    def get_fields(self, request: HttpRequest, obj: ContentEdit | None = None) -> Any:
        target = ["directory", "path", "action"]
        editable = [*target, "text", "message"]
        if obj is None:
            return [*editable, "base_sha", "overwrite"]
        if self.has_change_permission(request, obj):
            return [*self._state, "published_text", *editable, "base_sha", "overwrite"]
        return [*target, "submitted_text", "message", *self._state]

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

    def published_text(self, edit: ContentEdit) -> SafeString:
        """Return the published file, for comparison with a draft."""
        file = editing.current_file(edit.directory, edit.path)
        if not file.sha:
            return format_html("{}", "The file does not exist.")
        return format_html("<pre>{}</pre>", file.text if file.text is not None else file.sha)


def edit_link(directory: str, path: str, label: str) -> SafeString:
    """Return a link to the edit form for a file."""
    query = urlencode({"directory": directory, "path": path})
    return format_html('<a href="{}?{}">{}</a>', reverse("admin:hub_contentedit_add"), query, label)
