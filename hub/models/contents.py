"""Models of the contents: git trees and blobs, refresh runs, the served map, and edits."""

import gzip
import hashlib
from typing import Any, ClassVar, Self

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector
from django.db import models
from django.db.models import F, Func, Manager, Q, Value
from django.utils.functional import cached_property

from hub import clock
from hub.models.catalogue import Exporter
from hub.models.choices import (
    ChangeCause,
    ChangeKind,
    ChangeWhat,
    EditAction,
    EditState,
    Reason,
    RunTrigger,
    ServedState,
)
from hub.models.fields import PastDateTimeField
from hub.models.rendered import RenderedText
from hub.models.runs import Run, RunLookup, RunQuerySet


class TreeListing(models.Model):
    """The direct children of a git tree. The key is the tree's SHA, so a row never changes."""

    sha = models.CharField(max_length=64, primary_key=True)
    # {name: [type, sha]}, type one of "tree", "blob", "link" (symbolic) and "commit" (submodule);
    # the contents path has ["tree", sha, name] for a link to the directory `name` beside it
    entries: models.JSONField[Any, Any] = models.JSONField()
    learned_at = models.DateTimeField(default=clock.now)

    def __str__(self) -> str:
        return self.sha


def directories_of(entries: dict[str, list[str]]) -> dict[str, str]:
    """Return name → key of the `ContentTree` of the directories, links and submodules."""
    return {
        name: tree_key(kind, sha) for name, (kind, sha, *_) in entries.items() if kind != "blob"
    }


def tree_key(kind: str, sha: str) -> str:
    """Return the key of the `ContentTree` of a directory, link or submodule.

    Anybody who can push can add a submodule with the SHA of any tree, so a submodule has another
    key: a hash that no tree can have.
    """
    if kind == "tree":
        return sha
    return hashlib.sha1(f"{kind} {sha}".encode(), usedforsecurity=False).hexdigest()


def name_words() -> SearchVector:
    """Return the words of a metric's name, for the index and for queries that use it."""
    name = Func(F("name"), Value("_.:"), Value("   "), function="translate")
    return SearchVector(name, config="simple")


class ContentTreeQuerySet(models.QuerySet["ContentTree"]):
    def naming(self, sha: str) -> "ContentTreeQuerySet":
        """Return the trees that name the blob."""
        # The index finds the lists with the SHA; only the path query knows that it is no file name.
        is_blob = Func(
            *(F("files"), Value(f'$[*][1] == "{sha}"')),
            template="(%(expressions)s::jsonpath)",
            arg_joiner=" @@ ",
            output_field=models.BooleanField(),
        )
        return self.filter(is_blob, files__contains=[[sha]])

    def judged(self, rules: int) -> "ContentTreeQuerySet":
        """Return the trees judged by this version of the rules, or by a newer one."""
        return self.filter(rules__gte=rules, kinds__isnull=False)


class ContentBlob(RenderedText):
    """A file and its report. The key is the blob SHA, so each file is fetched only once."""

    sha = models.CharField(max_length=64, primary_key=True)
    data = models.BinaryField()
    # `hub.content.rules.report.FileReport`
    report: models.JSONField[Any, Any] = models.JSONField()
    rules = models.PositiveSmallIntegerField(help_text="Version of the rules that judged it.")
    learned_at = models.DateTimeField(auto_now_add=True)
    # Null unless the file is a text in Markdown that pages show.
    renderer = models.PositiveSmallIntegerField(null=True, db_index=True, editable=False)

    def __str__(self) -> str:
        return self.sha


class ContentTree(models.Model):
    """The files and the judgement of an exporter directory. The key is the tree SHA."""

    sha = models.CharField(max_length=64, primary_key=True)
    # [[path, blob SHA, size in bytes], …], every file below the directory, also behind links
    files: models.JSONField[Any, Any] = models.JSONField()
    # {path of a symbolic link: path of its target, "" if it is not followed}; null in rows of
    # earlier versions, which are fetched again
    links: models.JSONField[Any, Any] = models.JSONField(null=True)
    # {path: why it was not read}, for links and submodules that may contain content
    unread: models.JSONField[Any, Any] = models.JSONField(default=dict, db_default={})
    # `hub.content.judgement.Judgement`; null until every relevant file was fetched
    judgement: models.JSONField[Any, Any] = models.JSONField(null=True)
    # {letter: [present, usable]} of the kinds that are not absent, for publishing
    kinds: models.JSONField[Any, Any] = models.JSONField(null=True)
    # `hub.content.rules.fit.Fit`; null until version 7 of the rules judged it
    fit: models.JSONField[Any, Any] = models.JSONField(null=True)
    rules = models.PositiveSmallIntegerField(default=0, help_text="Version of the rules.")
    learned_at = models.DateTimeField(auto_now_add=True)
    unused_since = models.DateTimeField(
        null=True, help_text="Since when no map names it; null while one does."
    )
    has_all_pictures = models.BooleanField(
        default=False, db_default=False, help_text="Each of its pictures was fetched or refused."
    )

    objects = ContentTreeQuerySet.as_manager()

    class Meta:
        indexes = [GinIndex(fields=["files"], name="trees_by_file", opclasses=["jsonb_path_ops"])]

    def __str__(self) -> str:
        return self.sha


class PictureQuerySet(models.QuerySet["Picture"]):
    def shown(self) -> "PictureQuerySet":
        """Return the pictures that were fetched and not refused."""
        return self.filter(retry_at=None, refused="")


class Picture(models.Model):
    """A picture in an exporter directory, by blob SHA, or why the file is not shown as one."""

    sha = models.CharField(max_length=64, primary_key=True)
    data = models.BinaryField()
    media_type = models.CharField(max_length=20, blank=True)
    width = models.PositiveIntegerField(default=0)
    height = models.PositiveIntegerField(default=0)
    refused = models.CharField(max_length=200, blank=True, help_text="Why it is not shown.")
    retry_at = models.DateTimeField(
        null=True, help_text="When it is to be fetched; null after it was."
    )
    learned_at = models.DateTimeField(auto_now_add=True)

    objects = PictureQuerySet.as_manager()

    def __str__(self) -> str:
        return self.sha


class RefreshRun(Run):
    """A refresh of the contents. Its primary key is the fencing token of publications."""

    LOOKUP_KEY = "directory"

    source = models.CharField(max_length=400, help_text="Repository, branch and path.")
    shrink_accepted = models.BooleanField(
        default=False, help_text="Publish even if most directories disappeared."
    )
    full = models.BooleanField(
        default=False, help_text="Publish even if the contents tree has not changed."
    )
    follow_up = models.CharField(
        max_length=10,
        choices=RunTrigger.choices,
        blank=True,
        help_text="Trigger of the next run, if this one may have listed too early.",
    )
    rest_only = models.BooleanField(
        default=False, help_text="GraphQL is not available: files are fetched over REST."
    )

    listed_at = PastDateTimeField(null=True)
    root_sha = models.CharField(max_length=64, blank=True)
    contents_sha = models.CharField(max_length=64, blank=True)
    directories = models.PositiveIntegerField(null=True)
    requests = models.PositiveIntegerField(default=0, help_text="Requests of the listing.")

    objects: ClassVar[Manager[Self]] = RunQuerySet.as_manager()

    class Meta(Run.Meta):
        constraints = [
            *Run.Meta.constraints,
            # This constraint, not a lock in Redis, ensures that only one run is open.
            models.UniqueConstraint(
                fields=["source"], condition=Q(finished_at__isnull=True), name="one_open_run"
            ),
        ]

    def __str__(self) -> str:
        return f"run {self.pk}"


class Lookup(RunLookup):
    """A directory that a run looks up."""

    run = models.ForeignKey(RefreshRun, on_delete=models.CASCADE, related_name="lookups")
    directory = models.CharField(max_length=255)
    tree_sha = models.CharField(max_length=64)

    class Meta:
        ordering = ["directory"]
        constraints = [
            models.UniqueConstraint(fields=["run", "directory"], name="one_lookup_per_directory")
        ]

    def __str__(self) -> str:
        return self.directory


class Snapshot(models.Model):
    """A published map: its run and its tree SHAs. A row never changes."""

    run = models.OneToOneField(RefreshRun, primary_key=True, on_delete=models.PROTECT)
    source = models.CharField(max_length=400)
    root_sha = models.CharField(max_length=64)
    contents_sha = models.CharField(max_length=64)
    # No directory is stale, so the same contents tree need not be published again.
    complete = models.BooleanField()
    rules = models.PositiveSmallIntegerField(help_text="Version of the rules that judged it.")
    published_at = PastDateTimeField(default=clock.now)

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["source", "-run"], name="newest_snapshot")]

    def __str__(self) -> str:
        return f"snapshot of run {self.pk}"


class ExporterContents(models.Model):
    """The content of a directory. The rows of a source are the materialised map.

    `iac`, `alerts` and `dashboard` tell whether the content is present, the `_usable` fields
    whether it is usable. They are null until the directory was looked up.
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
    # When a publication last changed its tree; null since the first one.
    changed_at = PastDateTimeField(null=True)
    # Only for stale rows. Others have the age of the map (`ServedContents.as_of`): fewer writes.
    as_of = PastDateTimeField(null=True, help_text="When GitHub last confirmed a stale tree.")
    stale = models.CharField(max_length=20, choices=Reason.choices, blank=True)
    # Of the metrics that it uses: those compared with a sample, and those that the sample contains.
    metrics_checked = models.PositiveIntegerField(null=True, editable=False)
    metrics_fitting = models.PositiveIntegerField(null=True, editable=False)
    # {letter: number of items in the version that pages show by default}; null until it was judged
    counts: models.JSONField[Any, Any] = models.JSONField(null=True, editable=False)
    # Its findings by level; null until it was judged.
    errors = models.PositiveIntegerField(null=True, editable=False)
    warnings = models.PositiveIntegerField(null=True, editable=False)
    notes = models.PositiveIntegerField(null=True, editable=False)
    # SHA of the tree and version of the rules that its `ContentName` rows were taken from.
    names_of = models.CharField(max_length=80, null=True, editable=False)  # noqa: DJ001

    class Meta:
        ordering = ["directory"]
        verbose_name_plural = "exporter contents"
        constraints = [
            models.UniqueConstraint(fields=["source", "directory"], name="one_row_per_directory")
        ]

    def __str__(self) -> str:
        return self.directory


class ContentName(models.Model):
    """A metric or an alert in a directory's files, for the search and the tab *Metrics*.

    A metric is a time series that a sample contains (`exported`) or a name that content uses.
    """

    source = models.CharField(max_length=400)
    directory = models.CharField(max_length=255)
    is_alert = models.BooleanField(default=False)
    name = models.CharField(max_length=210)
    family = models.CharField(max_length=210, blank=True)
    type = models.CharField(max_length=20, blank=True)
    help = models.CharField(max_length=500, blank=True)
    labels: models.JSONField[Any, Any] = models.JSONField(default=list)
    exported = models.BooleanField(default=False)
    defined = models.BooleanField(default=False, help_text="A recording rule defines it.")
    used = models.BooleanField(default=False)
    # the folders of versions with a sample that contains it; "" for a sample outside of them
    versions: models.JSONField[Any, Any] = models.JSONField(default=list)
    # [[path, letter of the kind, what uses it, line], …]; of an alert: where it is
    uses: models.JSONField[Any, Any] = models.JSONField(default=list)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["source", "directory", "is_alert", "name"], name="one_row_per_name"
            )
        ]
        indexes = [
            models.Index(fields=["source", "name"], name="content_names_by_name"),
            GinIndex(name_words(), name="content_names_by_word"),
        ]

    def __str__(self) -> str:
        return self.name


class DirectoryOwner(models.Model):
    """An admin's assignment of a directory to an exporter. It overrides the matching by name."""

    source = models.CharField(max_length=400)
    directory = models.CharField(max_length=255)
    exporter = models.ForeignKey(
        Exporter, null=True, blank=True, on_delete=models.CASCADE, help_text="Empty: no exporter."
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["source", "directory"], name="one_owner_per_directory")
        ]

    def __str__(self) -> str:
        return f"{self.directory} → {self.exporter or 'no exporter'}"


class Change(models.Model):
    """A change to a directory between two snapshots. A row never changes."""

    # Null after the run is deleted; the change log is kept.
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
    at = PastDateTimeField(default=clock.now)

    class Meta:
        ordering = ["-pk"]
        indexes = [
            models.Index(fields=["source", "-id"], name="newest_changes"),
            models.Index(fields=["exporter", "-id"], name="newest_changes_of_exporter"),
        ]

    def __str__(self) -> str:
        return f"{self.directory}: {self.get_kind_display()} {self.get_what_display()}"


class ServedContents(models.Model):
    """The map as the API sends it, one row per source, with the state and age that pages show."""

    source = models.CharField(max_length=400, primary_key=True)
    snapshot = models.ForeignKey(Snapshot, null=True, on_delete=models.PROTECT)
    state = models.CharField(max_length=5, choices=ServedState.choices)
    reason = models.CharField(max_length=20, choices=Reason.choices, blank=True)
    as_of = models.DateTimeField(null=True, help_text="When GitHub last confirmed the map.")
    # If no run confirms the map by then, beat or the workers are down: the map is shown as stale.
    fresh_until = models.DateTimeField(null=True)
    body_gzip = models.BinaryField()
    etag = models.CharField(max_length=80)
    rendered_at = models.DateTimeField(default=clock.now)

    class Meta:
        verbose_name_plural = "served contents"

    def __str__(self) -> str:
        return self.source

    @cached_property
    def body(self) -> bytes:
        """The uncompressed body, for clients that do not accept gzip."""
        return gzip.decompress(self.body_gzip)


class ContentEditQuerySet(models.QuerySet["ContentEdit"]):
    def waiting(self, source: str) -> "ContentEditQuerySet":
        """Return the edits of a source that are waiting to be committed, oldest first."""
        # SENDING: a worker was killed while sending the edit; GitHub may already have it.
        states = [EditState.QUEUED, EditState.SENDING]
        return self.filter(source=source, state__in=states).order_by("pk")


class ContentEdit(models.Model):
    """A file to write or delete. Only an admin can delete the text."""

    source = models.CharField(max_length=400)
    directory = models.CharField(max_length=255)
    path = models.CharField(max_length=1000, help_text="Path relative to the directory.")
    action = models.CharField(max_length=6, choices=EditAction.choices, default=EditAction.WRITE)
    text = models.TextField(blank=True)
    base_sha = models.CharField(
        max_length=64,
        blank=True,
        help_text="Blob SHA of the version that was edited; empty for a new file.",
    )
    message = models.CharField(max_length=200, blank=True)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)
    state = models.CharField(max_length=9, choices=EditState.choices, default=EditState.QUEUED)
    reason = models.CharField(max_length=20, choices=Reason.choices, blank=True)
    detail = models.CharField(max_length=300, blank=True)
    commit_sha = models.CharField(max_length=64, blank=True)
    # The run that committed or rejected it; the same run publishes a commit's result.
    run = models.ForeignKey(RefreshRun, null=True, on_delete=models.SET_NULL, related_name="edits")
    created_at = PastDateTimeField(default=clock.now)
    committed_at = PastDateTimeField(null=True)

    objects = ContentEditQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.get_action_display()} {self.directory}/{self.path}"
