"""Edits of content files: what an admin wrote, until GitHub has it and afterwards."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from hub.models.choices import EditAction, EditState, Reason
from hub.models.contents import RefreshRun


class ContentEditQuerySet(models.QuerySet["ContentEdit"]):
    """Edits, by intent."""

    def waiting(self, source: str) -> "ContentEditQuerySet":
        """Those of a source that a run has to commit, in the order in which they were made."""
        return self.filter(source=source, state=EditState.QUEUED).order_by("pk")


class ContentEdit(models.Model):
    """One file to write or delete. Nothing but an admin's word ever removes its text."""

    source = models.CharField(max_length=400)
    directory = models.CharField(max_length=255)
    path = models.CharField(max_length=1000, help_text="Relative to the directory.")
    action = models.CharField(max_length=6, choices=EditAction.choices, default=EditAction.WRITE)
    text = models.TextField(blank=True)
    base_sha = models.CharField(
        max_length=64,
        blank=True,
        help_text="The blob that the author started from; empty for a new file.",
    )
    message = models.CharField(max_length=200, blank=True)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)
    state = models.CharField(max_length=9, choices=EditState.choices, default=EditState.QUEUED)
    reason = models.CharField(max_length=20, choices=Reason.choices, blank=True)
    detail = models.CharField(max_length=300, blank=True)
    commit_sha = models.CharField(max_length=64, blank=True)
    # The run that committed it, or that will: it lists, looks up and publishes as well.
    run = models.ForeignKey(RefreshRun, null=True, on_delete=models.SET_NULL, related_name="edits")
    created_at = models.DateTimeField(default=timezone.now)
    committed_at = models.DateTimeField(null=True)

    objects = ContentEditQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.get_action_display()} {self.directory}/{self.path}"
