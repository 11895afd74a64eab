"""Response schemas of the API, which the OpenAPI document is generated from."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Literal

from ninja import Field, Schema
from pydantic import create_model

from hub import models
from hub.catalogue.metrics import MetricVerdict
from hub.content.kinds import KINDS, Kind
from hub.content.rules.report import About, Level
from hub.models.choices import ChangeCause, ChangeKind, ChangeWhat

State = Literal["fresh", "stale", "empty"]


def _by_letter(describe: Callable[[Kind], str], **first: Any) -> Any:
    """Create a schema with a field for each kind, after the fields `first`."""
    kinds: dict[str, Any] = {
        kind.letter: (bool | None, Field(description=describe(kind))) for kind in KINDS
    }
    return create_model("Kinds", __base__=Schema, **first, **kinds)


_CATALOGUED = (bool, Field(description="The exporter is in the catalogue."))


class KindsOut(_by_letter(lambda kind: f"{kind.present} null: unknown.", E=_CATALOGUED)):  # type: ignore[misc]
    """Which content is present, by the letter of its kind; E is the exporter."""


class SourceOut(Schema):
    """The repository from which the contents are read."""

    repository: str = Field(description="OWNER/NAME.")
    branch: str
    path: str = Field(description="The folder of the contents; empty for the root.")
    demo: bool = Field(description="The contents are the hub's sample data, not a real repository.")


class StaleOut(Schema):
    """Why an entry is older than the map, and since when."""

    reason: str
    as_of: datetime | None


class UsableOut(_by_letter(lambda kind: kind.usable)):  # type: ignore[misc]
    """Which content is usable: false if it is broken or not present, null while unknown."""


class FindingOut(Schema):
    """A problem in a file, or a note about it."""

    level: Level
    about: About
    path: str = Field(description="The file, or the folder of a chart.")
    line: int = Field(description="Counted from 1.")
    reason: str
    needs: str = Field(
        "",
        description="The versions that the content needs, such as `Prometheus >= 2.53` or "
        "`Kubernetes < 1.22`; empty for other findings.",
    )


class ContentsMapOut(Schema):
    """The contents of all directories."""

    state: State
    reason: str | None = Field(description="Why the map is not fresh; null if it is.")
    as_of: datetime | None = Field(description="When GitHub last confirmed the map.")
    run: int | None = Field(description="The run that published the map.")
    source: SourceOut
    contents: dict[str, KindsOut] = Field(
        description="By directory; an exporter without a directory is listed by its title."
    )
    usable: dict[str, UsableOut] = Field(description="By directory.")
    stale: dict[str, StaleOut] = Field(description="Entries older than the map, by directory.")


class DirectoryOut(KindsOut):
    """The contents of one directory."""

    directory: str
    exporter: str | None = Field(description="Slug of its exporter; null if it has none.")
    usable: UsableOut
    evidence: dict[str, list[str]] = Field(description="The files that contain each kind.")
    findings: list[FindingOut] = Field(description="Problems in its files, and notes about them.")
    tree_sha: str = Field(description="SHA of the directory's git tree.")
    stale: str | None = Field(description="Why the directory is older than the map, or null.")
    as_of: datetime | None = Field(description="When GitHub last confirmed the directory.")
    state: State = Field(description="State of the whole map.")
    reason: str | None = Field(description="Why the map is not fresh; null if it is.")


class ContentFileOut(Schema):
    """A file in an exporter's directory."""

    directory: str
    path: str = Field(description="Relative to the directory.")
    sha: str = Field(description="SHA of the git blob; /api/v1/files/{sha} returns its bytes.")
    size: int = Field(description="Bytes.")
    version: str | None = Field(description="The version whose folder contains the file.")
    kinds: dict[str, bool | None] = Field(
        description="The kinds of content in the file, and whether each is usable. null: not "
        "known, because only a chart renders the file, or because the file was not read."
    )
    kept: bool = Field(description="The hub stores the file's bytes.")
    findings: list[FindingOut]


class PictureOut(Schema):
    """A picture in an exporter's directory."""

    directory: str
    path: str = Field(description="Relative to the directory.")
    url: str = Field(description="Path on this hub.")
    media_type: str
    width: int = Field(description="Pixels.")
    height: int = Field(description="Pixels.")


class ExporterFilesOut(Schema):
    """The files in all directories of an exporter."""

    exporter: str
    title: str
    directories: list[str]
    versions: list[str] = Field(description="Newest first.")
    default_version: str | None
    files: list[ContentFileOut]
    pictures: list[PictureOut] = Field(description="At most eight of each version.")


class ExporterOut(KindsOut):
    """An exporter of the catalogue, with the combined content of all its directories."""

    slug: str
    title: str
    project_name: str
    repository: str
    renamed_to: str | None = Field(description="The repository's new URL, if it was renamed.")
    category: str
    official: bool = Field(description="Maintained by the Prometheus team.")
    description: str
    logo: str | None = Field(description="Path of the logo; null if it has none.")
    stars: int | None = Field(description="null: not fetched from GitHub yet.")
    archived: bool
    last_release: str | None = Field(description="Tag of the newest release.")
    last_release_at: datetime | None
    directories: list[str]
    usable: UsableOut


class ExportersOut(Schema):
    """The whole catalogue, sorted by title."""

    exporters: list[ExporterOut]


class ReleaseOut(Schema):
    """A published release of an exporter's repository."""

    tag: str
    name: str
    url: str
    prerelease: bool
    published_at: datetime


class ExporterDetailOut(ExporterOut):
    """An exporter with its releases and the age of its facts."""

    facts_at: datetime | None = Field(description="When GitHub last confirmed stars and releases.")
    facts_problem: str | None = Field(description="Why the last update of the facts failed.")
    releases: list[ReleaseOut] = Field(description="The newest 30, newest first.")


class MetricUseOut(Schema):
    """A part of a file that uses a metric."""

    path: str = Field(description="Including the directory.")
    line: int = Field(description="Counted from 1.")
    what: str = Field(description="Such as `alert 'RedisDown'`.")


class ExporterMetricOut(Schema):
    """A metric that an exporter exports or its content uses."""

    name: str
    verdict: MetricVerdict
    type: str | None = Field(description="null if no sample of the exporter contains it.")
    help: str
    labels: list[str]
    series: list[str] = Field(description="The names of its time series in the samples.")
    others: list[str] = Field(
        description="Other exporters that have it, by slug; directories without one, by name."
    )
    uses: list[MetricUseOut]


class ExporterMetricsOut(Schema):
    """The metrics of an exporter, used and not exported first."""

    exporter: str
    metrics: list[ExporterMetricOut]


class DirectoryMetricOut(Schema):
    """A directory that has a metric."""

    directory: str
    exporter: str | None = Field(description="Slug of its exporter; null if it has none.")
    exported: bool = Field(description="A sample in the directory contains it.")
    defined: bool = Field(description="A recording rule in the directory defines it.")
    used: bool = Field(description="An alert, a recording rule or a dashboard uses it.")
    type: str | None
    help: str
    uses: list[MetricUseOut]


class MetricOut(Schema):
    """The directories that have a metric."""

    name: str
    directories: list[DirectoryMetricOut]


class ChangeOut(Schema):
    """Content that a directory gained or lost from one snapshot to the next."""

    change: int = Field(validation_alias="pk")
    at: datetime
    run: int | None = Field(
        validation_alias="run_id", description="null after the run has been deleted."
    )
    directory: str
    exporter: str | None = Field(description="Slug of its exporter; null if it has none.")
    kind: ChangeKind
    what: ChangeWhat
    cause: ChangeCause = Field(
        description="push: the files changed; rules: the hub's rules for the files changed."
    )

    @staticmethod
    def resolve_exporter(change: models.Change) -> str | None:
        return change.exporter.slug if change.exporter else None


class ChangesOut(Schema):
    """A page of changes, newest first."""

    changes: list[ChangeOut]
    next_before: int | None = Field(description="`before` of the next page; null on the last.")


class RunOut(Schema):
    """A run: one refresh of the contents."""

    run: int
    trigger: str
    status: str
    reason: str | None
    detail: str | None = Field(description="What GitHub answered; only for the hub's staff.")
    started_at: datetime
    finished_at: datetime | None
    seconds: float
    directories: int | None = Field(description="Directories in the repository.")
    to_look_up: int = Field(description="Directories that have to be looked up.")
    looked_up: int
    failed: int = Field(description="Directories whose lookup failed.")
    requests: int = Field(description="Requests sent to GitHub.")


class RunsOut(Schema):
    """A page of runs, newest first."""

    runs: list[RunOut]
    next_before: int | None = Field(description="`before` of the next page; null on the last.")


class StatusSourceOut(SourceOut):
    renamed_to: str | None = Field(
        description="The repository's new OWNER/NAME, if it was renamed on GitHub."
    )


class StatusOut(Schema):
    """The status of the hub."""

    state: State
    reason: str | None = Field(description="Why the map is not fresh; null if it is.")
    advice: str | None = Field(description="The reason as text, and what to do about it.")
    as_of: datetime | None = Field(description="When GitHub last confirmed the map.")
    age_seconds: int | None = Field(description="Seconds since `as_of`.")
    run: int | None = Field(description="The run that published the map.")
    source: StatusSourceOut
    directories: int
    stale_directories: int
    exporters: int
    open_run: RunOut | None
    last_run: RunOut | None
    next_refresh: datetime | None
    tokens: int = Field(description="Tokens that GitHub has not rejected.")
    requests_left: int | None = Field(description="REST requests left, as GitHub last reported.")


class ProblemOut(Schema):
    """An error."""

    detail: str = Field(description="What went wrong and what to do.")
