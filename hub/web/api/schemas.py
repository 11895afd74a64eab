"""The shapes of the API's answers; the OpenAPI document is made of them."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Literal

from ninja import Field, Schema
from pydantic import create_model

from hub import models
from hub.content.kinds import KINDS, Kind
from hub.content.rules.report import About, Level
from hub.models.choices import ChangeCause, ChangeKind, ChangeWhat

State = Literal["fresh", "stale", "empty"]


def _by_letter(describe: Callable[[Kind], str], **first: Any) -> Any:
    """A schema with a field for each kind, after those that come `first`."""
    kinds: dict[str, Any] = {
        kind.letter: (bool | None, Field(description=describe(kind))) for kind in KINDS
    }
    return create_model("Kinds", __base__=Schema, **first, **kinds)


_CATALOGUED = (bool, Field(description="The exporter is in the catalogue."))


class KindsOut(_by_letter(lambda kind: f"{kind.present} null: unknown.", E=_CATALOGUED)):  # type: ignore[misc]
    """Which content is present, by the letter of its kind; E is the exporter."""


class SourceOut(Schema):
    """Where the contents come from."""

    repository: str
    branch: str
    path: str
    demo: bool = Field(description="Sample contents that ship with the hub, not a real repository.")


class StaleOut(Schema):
    """Why an entry is older than the map."""

    reason: str
    as_of: datetime | None


class UsableOut(_by_letter(lambda kind: kind.usable)):  # type: ignore[misc]
    """Whether what is present is usable; false where nothing is present, null while unknown."""


class FindingOut(Schema):
    """What is wrong with a file, or worth knowing."""

    level: Level
    about: About
    path: str = Field(description="The file, or the folder of a chart.")
    line: int
    reason: str


class ContentsMapOut(Schema):
    """The whole map."""

    state: State
    reason: str | None = Field(description="Why the map is not newer; null when it is fresh.")
    as_of: datetime | None = Field(description="When GitHub last confirmed the map.")
    run: int | None = Field(description="The run that published it.")
    source: SourceOut
    contents: dict[str, KindsOut] = Field(
        description="By directory; exporters without a directory stand under their title."
    )
    usable: dict[str, UsableOut] = Field(description="By directory.")
    stale: dict[str, StaleOut] = Field(description="Entries older than the map, by directory.")


class DirectoryOut(KindsOut):
    """What one directory holds."""

    directory: str
    exporter: str | None = Field(description="Slug of its exporter in the catalogue.")
    usable: UsableOut
    evidence: dict[str, list[str]] = Field(description="The files that speak for each kind.")
    findings: list[FindingOut] = Field(description="What the usability was judged by.")
    tree_sha: str
    stale: str | None
    as_of: datetime | None
    state: State
    reason: str | None


class ContentFileOut(Schema):
    """A file below an exporter's directory."""

    directory: str
    path: str = Field(description="Relative to the directory.")
    sha: str = Field(description="The git blob: /api/v1/files/{sha} has its bytes.")
    size: int = Field(description="Bytes.")
    version: str | None = Field(description="The version whose folder it lies in.")
    kinds: dict[str, bool | None] = Field(
        description="The kinds that it speaks for, each with whether it is usable."
    )
    kept: bool = Field(description="The hub holds its bytes.")
    findings: list[FindingOut]


class ExporterFilesOut(Schema):
    """All files of an exporter; several directories add up."""

    exporter: str
    title: str
    directories: list[str]
    versions: list[str] = Field(description="Newest first.")
    default_version: str | None
    files: list[ContentFileOut]


class ExporterOut(KindsOut):
    """An exporter of the catalogue; its directories add up."""

    slug: str
    title: str
    project_name: str
    repository: str
    renamed_to: str | None = Field(description="The repository's address after it was renamed.")
    category: str
    official: bool = Field(description="Maintained by the Prometheus team.")
    description: str
    logo: str | None = Field(description="The path of its logo.")
    stars: int | None = Field(description="null: GitHub has not told yet.")
    archived: bool
    last_release: str | None = Field(description="The tag of its newest release.")
    last_release_at: datetime | None
    directories: list[str]
    usable: UsableOut


class ExportersOut(Schema):
    """The whole catalogue, by title."""

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
    facts_problem: str | None = Field(description="Why they are not newer.")
    releases: list[ReleaseOut] = Field(description="The newest 30, newest first.")


class ChangeOut(Schema):
    """What a directory gained or lost from one snapshot to the next."""

    change: int = Field(validation_alias="pk")
    at: datetime
    run: int | None = Field(
        validation_alias="run_id", description="null once the run is forgotten."
    )
    directory: str
    exporter: str | None = Field(description="Slug of its exporter in the catalogue.")
    kind: ChangeKind
    what: ChangeWhat
    cause: ChangeCause = Field(
        description="push: the files changed; rules: the hub judges the same files otherwise."
    )

    @staticmethod
    def resolve_exporter(change: models.Change) -> str | None:
        return change.exporter.slug if change.exporter else None


class ChangesOut(Schema):
    """The newest changes first."""

    changes: list[ChangeOut]
    next_before: int | None = Field(description="`before` of the next page; null on the last.")


class RunOut(Schema):
    """A refresh."""

    run: int
    trigger: str
    status: str
    reason: str | None
    detail: str | None
    started_at: datetime
    finished_at: datetime | None
    seconds: float
    directories: int | None = Field(description="Directories that were listed.")
    to_look_up: int
    looked_up: int
    failed: int
    requests: int = Field(description="Requests asked of GitHub.")


class RunsOut(Schema):
    """The newest runs first."""

    runs: list[RunOut]
    next_before: int | None = Field(description="`before` of the next page; null on the last.")


class StatusOut(Schema):
    """How the hub is."""

    state: State
    reason: str | None
    advice: str | None = Field(description="The reason in words, with what to do.")
    as_of: datetime | None
    age_seconds: int | None
    run: int | None
    source: SourceOut
    directories: int
    stale_directories: int
    exporters: int
    open_run: RunOut | None
    last_run: RunOut | None
    next_refresh: datetime | None
    tokens: int = Field(description="Tokens that GitHub has not refused.")
    requests_left: int | None = Field(description="Of all tokens, as GitHub last said.")


class ProblemOut(Schema):
    """What went wrong and what to do."""

    detail: str
