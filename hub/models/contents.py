"""The contents: what was learned of git trees, the runs that learned it, and what readers get."""

import gzip
import json
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.functional import cached_property
from pydantic_core import to_json

from hub.models.catalogue import Exporter
from hub.models.choices import (
    ChangeCause,
    ChangeKind,
    ChangeWhat,
    Outcome,
    Reason,
    RunStatus,
    RunTrigger,
    ServedState,
)


class FastEncoder(json.JSONEncoder):
    """Writes thousands of names in a third of the time, in which no other thread can run."""

    def encode(self, o: Any) -> str:
        return to_json(o).decode()


class TreeListing(models.Model):
    """The direct children of a git tree. True for ever: a tree is named by its SHA."""

    sha = models.CharField(max_length=64, primary_key=True)
    # {name: [type, sha]}, type one of "tree", "blob", "commit"
    entries: models.JSONField[Any, Any] = models.JSONField(encoder=FastEncoder)
    learned_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.sha


class ContentTreeQuerySet(models.QuerySet["ContentTree"]):
    """Trees, by intent."""

    def judged(self, rules: int) -> "ContentTreeQuerySet":
        """Those that these rules have judged."""
        return self.filter(rules=rules, judgement__isnull=False)


class ContentBlob(models.Model):
    """A file's bytes and what was found in them, by its blob SHA: asked of GitHub once for ever."""

    sha = models.CharField(max_length=64, primary_key=True)
    data = models.BinaryField()
    # `hub.content.rules.FileReport`
    report: models.JSONField[Any, Any] = models.JSONField()
    rules = models.PositiveSmallIntegerField(help_text="Version of the rules that judged it.")
    learned_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.sha


class ContentTree(models.Model):
    """All that was learned of one exporter directory, by its tree SHA.

    The files are true for ever; the judgement is, of one version of the rules.
    """

    sha = models.CharField(max_length=64, primary_key=True)
    # [[path, blob SHA, size in bytes], …], every file below the directory
    files: models.JSONField[Any, Any] = models.JSONField()
    # `hub.content.rules.directory.Judgement`; null until every file that matters was read
    judgement: models.JSONField[Any, Any] = models.JSONField(null=True)
    rules = models.PositiveSmallIntegerField(default=0, help_text="Version of the rules.")
    learned_at = models.DateTimeField(auto_now_add=True)

    objects = ContentTreeQuerySet.as_manager()

    def __str__(self) -> str:
        return self.sha


class RefreshRunQuerySet(models.QuerySet["RefreshRun"]):
    """Runs, by intent."""

    def open(self) -> "RefreshRunQuerySet":
        """Those that have not ended."""
        return self.filter(finished_at__isnull=True)

    def overdue(self, now: datetime) -> "RefreshRunQuerySet":
        """Open ones past their deadline."""
        return self.open().filter(deadline__lt=now)


class RefreshRun(models.Model):
    """One refresh, from its trigger to its end. Its primary key is the run number that fences."""

    OPEN = (RunStatus.QUEUED, RunStatus.LISTING, RunStatus.LOOKING_UP)

    source = models.CharField(max_length=400, help_text="Repository, branch and path.")
    trigger = models.CharField(max_length=10, choices=RunTrigger.choices)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL
    )
    # Directories to look up; null: all that changed.
    chosen: models.JSONField[Any, Any] = models.JSONField(null=True, blank=True)
    shrink_accepted = models.BooleanField(
        default=False, help_text="Publish although most directories vanished."
    )
    follow_up = models.CharField(
        max_length=10,
        choices=RunTrigger.choices,
        blank=True,
        help_text="Who asked for another run after this one, which may have listed too early.",
    )

    status = models.CharField(max_length=12, choices=RunStatus.choices, default=RunStatus.QUEUED)
    reason = models.CharField(max_length=20, choices=Reason.choices, blank=True)
    detail = models.CharField(max_length=300, blank=True)

    started_at = models.DateTimeField(default=timezone.now)
    deadline = models.DateTimeField()
    listed_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    root_sha = models.CharField(max_length=64, blank=True)
    contents_sha = models.CharField(max_length=64, blank=True)
    directories = models.PositiveIntegerField(null=True)
    requests = models.PositiveIntegerField(default=0, help_text="Asked of GitHub while listing.")

    objects = RefreshRunQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            # Postgres is the arbiter of "one run at a time": no lock lives in Redis.
            models.UniqueConstraint(
                fields=["source"], condition=Q(finished_at__isnull=True), name="one_open_run"
            ),
            models.CheckConstraint(
                condition=Q(
                    finished_at__isnull=True, status__in=["queued", "listing", "looking_up"]
                )
                | Q(finished_at__isnull=False) & ~Q(status__in=["queued", "listing", "looking_up"]),
                name="an_ended_run_has_an_end",
            ),
        ]

    def __str__(self) -> str:
        return f"run {self.pk}"

    @property
    def is_open(self) -> bool:
        """Whether the run has not ended."""
        return self.finished_at is None

    @property
    def seconds(self) -> float:
        """How long the run took, or has taken so far."""
        return ((self.finished_at or timezone.now()) - self.started_at).total_seconds()

    def finish(self, status: RunStatus, reason: str = "", detail: str = "") -> None:
        """Write the end into the row. `end_run` calls it, and begins what has to follow."""
        self.status, self.reason, self.detail = status, reason, detail[:300]
        self.finished_at = timezone.now()
        self.save(update_fields=["status", "reason", "detail", "finished_at"])


class Lookup(models.Model):
    """One directory that a run looks up, and the outcome. Written before its task returns."""

    run = models.ForeignKey(RefreshRun, on_delete=models.CASCADE, related_name="lookups")
    directory = models.CharField(max_length=255)
    tree_sha = models.CharField(max_length=64)
    outcome = models.CharField(max_length=8, choices=Outcome.choices, default=Outcome.PENDING)
    reason = models.CharField(max_length=20, choices=Reason.choices, blank=True)
    detail = models.CharField(max_length=300, blank=True)
    requests = models.PositiveSmallIntegerField(default=0)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["directory"]
        constraints = [
            models.UniqueConstraint(fields=["run", "directory"], name="one_lookup_per_directory")
        ]

    def __str__(self) -> str:
        return self.directory


class Snapshot(models.Model):
    """That a map was published: from which run and commit. Never changed afterwards.

    The map itself stands in `ExporterContents`, row by row, and in `ServedContents`, as bytes.
    """

    run = models.OneToOneField(RefreshRun, primary_key=True, on_delete=models.PROTECT)
    source = models.CharField(max_length=400)
    root_sha = models.CharField(max_length=64)
    contents_sha = models.CharField(max_length=64)
    # No directory is stale in it: the same contents tree need not be published again.
    complete = models.BooleanField()
    rules = models.PositiveSmallIntegerField(help_text="Version of the rules that judged it.")
    published_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["source", "-run"], name="newest_snapshot")]

    def __str__(self) -> str:
        return f"snapshot of run {self.pk}"


class ExporterContents(models.Model):
    """What one directory holds: the materialised map, a row per directory.

    `iac`, `alerts` and `dashboard` are null while nothing is known: never false for "unknown". The
    same fields with `_usable` say whether what is there would work; false where nothing is there.
    """

    source = models.CharField(max_length=400)
    directory = models.CharField(max_length=255)
    exporter = models.ForeignKey(
        Exporter, null=True, on_delete=models.SET_NULL, related_name="contents"
    )
    tree_sha = models.CharField(max_length=64, blank=True)
    iac = models.BooleanField(null=True)
    alerts = models.BooleanField(null=True)
    dashboard = models.BooleanField(null=True)
    iac_usable = models.BooleanField(null=True)
    alerts_usable = models.BooleanField(null=True)
    dashboard_usable = models.BooleanField(null=True)
    # {"I": [path, …], "A": […], "G": […]}: the files that speak for each
    evidence: models.JSONField[Any, Any] = models.JSONField(default=dict)
    # Set on stale rows only: the others are as new as the map (`ServedContents.as_of`), and so
    # need not be written when nothing about them changed.
    as_of = models.DateTimeField(null=True, help_text="When GitHub last confirmed a stale tree.")
    stale = models.CharField(max_length=20, choices=Reason.choices, blank=True)

    class Meta:
        ordering = ["directory"]
        verbose_name_plural = "exporter contents"
        constraints = [
            models.UniqueConstraint(fields=["source", "directory"], name="one_row_per_directory")
        ]

    def __str__(self) -> str:
        return self.directory


class DirectoryOwner(models.Model):
    """An admin's word on which exporter a directory belongs to; it wins over the rules of names."""

    source = models.CharField(max_length=400)
    directory = models.CharField(max_length=255)
    exporter = models.ForeignKey(
        Exporter, null=True, blank=True, on_delete=models.CASCADE, help_text="Empty: to none."
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["source", "directory"], name="one_owner_per_directory")
        ]

    def __str__(self) -> str:
        return f"{self.directory} → {self.exporter or 'no exporter'}"


class Change(models.Model):
    """What one directory gained or lost from a snapshot to the next. Never changed afterwards."""

    # Null once the run itself is forgotten; the change log is kept.
    run = models.ForeignKey(
        RefreshRun, null=True, on_delete=models.SET_NULL, related_name="changes"
    )
    source = models.CharField(max_length=400)
    directory = models.CharField(max_length=255)
    exporter = models.ForeignKey(
        Exporter, null=True, on_delete=models.SET_NULL, related_name="changes"
    )
    kind = models.CharField(max_length=9, choices=ChangeKind.choices)
    what = models.CharField(max_length=8, choices=ChangeWhat.choices)
    cause = models.CharField(max_length=5, choices=ChangeCause.choices)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-pk"]
        indexes = [
            models.Index(fields=["source", "-id"], name="newest_changes"),
            models.Index(fields=["exporter", "-id"], name="newest_changes_of_exporter"),
        ]

    def __str__(self) -> str:
        return f"{self.directory}: {self.get_kind_display()} {self.get_what_display()}"


class ServedContents(models.Model):
    """The bytes that readers get, one row per source: rendered by the publisher, sent by a view."""

    source = models.CharField(max_length=400, primary_key=True)
    snapshot = models.ForeignKey(Snapshot, null=True, on_delete=models.PROTECT)
    state = models.CharField(max_length=5, choices=ServedState.choices)
    reason = models.CharField(max_length=20, choices=Reason.choices, blank=True)
    as_of = models.DateTimeField(null=True, help_text="When GitHub last confirmed the map.")
    # No run has confirmed the map by then: beat or the workers are gone, and a reader says so.
    fresh_until = models.DateTimeField(null=True)
    body_gzip = models.BinaryField()
    etag = models.CharField(max_length=80)
    rendered_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name_plural = "served contents"

    def __str__(self) -> str:
        return self.source

    @cached_property
    def body(self) -> bytes:
        """The bytes for those who take none that are compressed."""
        return gzip.decompress(self.body_gzip)
