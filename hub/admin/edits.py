"""Editing content files: the form, its checks, and the state of each edit."""

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
    """One file to write or delete; checked as Prometheus, Grafana and Helm would."""

    text = forms.CharField(
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 30, "cols": 110, "spellcheck": "false"}),
    )
    overwrite = forms.BooleanField(
        required=False,
        label="Replace what is there now",
        help_text="Somebody changed the file after you had opened it. Tick to replace their text.",
    )

    class Meta:
        model = ContentEdit
        fields = ["directory", "path", "action", "text", "message", "base_sha"]
        widgets = {"base_sha": forms.HiddenInput}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "text" in self.fields and not self.is_bound and not self.instance.pk:
            directory, path = (str(self.initial.get(name, "")) for name in ("directory", "path"))
            there = editing.current_file(directory, path)
            self.initial.update(text=there.text or "", base_sha=there.sha)

    def clean_text(self) -> str:
        """Browsers send CR LF; the repository's files end their lines with LF."""
        return str(self.cleaned_data["text"]).replace("\r\n", "\n")

    def clean(self) -> dict[str, Any]:
        """The checks of `hub.content.editing`, each at its field."""
        cleaned = super().clean() or {}
        if self.errors:
            return cleaned
        if cleaned.pop("overwrite", False):
            there = editing.current_file(cleaned["directory"], cleaned["path"])
            cleaned["base_sha"] = there.sha
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
    """Saving an edit commits it to GitHub and publishes it."""

    form = ContentEditForm
    list_display = ["file", "action", "state", "reason", "author", "created_at", "run_link"]
    list_filter = ["state", "action"]
    search_fields = ["directory", "path", "message"]
    list_select_related = ["author"]
    actions = ["withdraw"]
    _state = ["state", "reason", "detail", "commit_sha", "run_link"]
    readonly_fields = [*_state, "text_as_it_is", "there_now"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[ContentEdit]:
        return super().get_queryset(request).filter(source=configured_source().key)

    def has_change_permission(self, request: HttpRequest, obj: ContentEdit | None = None) -> bool:
        """Only drafts can be changed; saving one commits it, so it takes the right to add one."""
        if obj is not None and (obj.state not in _DRAFTS or not self.has_add_permission(request)):
            return False
        return super().has_change_permission(request, obj)

    def get_fields(self, request: HttpRequest, obj: ContentEdit | None = None) -> Any:
        given = ["directory", "path", "action"]
        editable = [*given, "text", "message"]
        if obj is None:
            return [*editable, "base_sha", "overwrite"]
        if self.has_change_permission(request, obj):
            return [*self._state, "there_now", *editable, "base_sha", "overwrite"]
        return [*given, "text_as_it_is", "message", *self._state]

    def save_model(self, request: HttpRequest, obj: ContentEdit, form: Any, change: bool) -> None:
        """Store the edit and start the run that commits it."""
        author = request.user if request.user.is_authenticated else None
        edit, started = editing.submit_edit(form.proposal, author, obj)
        obj.pk = edit.pk
        link = run_link("hub_refreshrun", started.run.pk, f"run {started.run.pk}")
        text = "{} commits and publishes it." if started.created else "It is committed after {}."
        messages.info(request, format_html(text, link))

    @admin.action(description="Withdraw what is not committed yet", permissions=["change"])
    def withdraw(self, request: HttpRequest, chosen: QuerySet[ContentEdit]) -> None:
        """Withdraw pending edits; their texts stay as drafts."""
        number = chosen.filter(state=EditState.QUEUED).update(state=EditState.WITHDRAWN)
        self.message_user(request, f"{number} withdrawn; what was committed stays.")

    @admin.display(ordering="directory")
    def file(self, edit: ContentEdit) -> str:
        return f"{edit.directory}/{edit.path}"

    @admin.display(description="run")
    def run_link(self, edit: ContentEdit) -> str:
        return run_link("hub_refreshrun", edit.run_id, str(edit.run_id)) if edit.run_id else "–"

    @admin.display(description="text")
    def text_as_it_is(self, edit: ContentEdit) -> SafeString:
        return format_html("<pre>{}</pre>", edit.text)

    @admin.display(description="what is there now")
    def there_now(self, edit: ContentEdit) -> SafeString:
        """The file as last published, to compare a draft with it."""
        there = editing.current_file(edit.directory, edit.path)
        if not there.sha:
            return format_html("{}", "no such file")
        return format_html("<pre>{}</pre>", there.text if there.text is not None else there.sha)


def edit_link(directory: str, path: str, words: str) -> SafeString:
    """A link to the form, filled with the file as it is."""
    query = urlencode({"directory": directory, "path": path})
    return format_html('<a href="{}?{}">{}</a>', reverse("admin:hub_contentedit_add"), query, words)
