"""Render the map as JSON and store it, so that a request only sends bytes."""

import gzip
import hashlib
from collections.abc import Mapping
from datetime import datetime
from functools import cache

from django.conf import settings
from django.db import transaction
from pydantic_core import to_json

from hub import clock
from hub.content.directory_owners import match_again
from hub.content.kinds import KINDS
from hub.content.map.map_cache import map_cache
from hub.content.map.rows import ABSENT, UNKNOWN, Flags, MapEntry, read_rows
from hub.github.source import Source, source_for_display
from hub.models import Exporter, Reason, ServedContents, ServedState, Snapshot
from hub.runs.schedule import time_to_next
from hub.runs.transactions import short_transaction

_BODY = b'"contents":{'  # the end of the head; a JSON string cannot contain unescaped quotes


def locked_map(source_key: str) -> ServedContents:
    """Return the source's row, locked, and create it if needed.

    Take the lock before reading the data to render; otherwise, older data may overwrite newer data.
    """
    rows = ServedContents.objects.select_for_update(of=("self",))
    served = rows.filter(pk=source_key).first()
    if served is None:
        new = ServedContents(source=source_key, state=ServedState.EMPTY, body_gzip=b"")
        ServedContents.objects.bulk_create([new], ignore_conflicts=True)
        served = rows.get(pk=source_key)
    return served


def show_snapshot(
    served: ServedContents,
    snapshot: Snapshot,
    as_of: datetime | None,
    entries: Mapping[str, MapEntry] | None = None,
) -> None:
    """Serve a snapshot as fresh.

    `as_of` is when GitHub last confirmed it. `entries` is its map; None keeps the served one.
    """
    body = None if entries is None else _body(entries, known=True)
    _store(served, snapshot, ServedState.FRESH, "", as_of, body)


def show_failure(source_key: str, reason: Reason) -> None:
    """Keep serving the current map, marked with the reason why it is not newer."""
    with short_transaction():
        served = locked_map(source_key)
        state = ServedState.STALE if served.snapshot else ServedState.EMPTY
        _store(served, served.snapshot, state, reason, served.as_of)


def as_stale(served: ServedContents, reason: str) -> ServedContents:
    """Return a copy of the row, marked as stale. Nothing is stored, because a reader waits for it.

    If the map was confirmed in the future, by a clock that was ahead, its age is not known.
    """
    stale = ServedContents(
        source=served.source, body_gzip=served.body_gzip, rendered_at=served.rendered_at
    )
    state = ServedState.STALE if served.snapshot_id else ServedState.EMPTY
    as_of = None if clock.is_ahead(served.as_of) else served.as_of
    _render(stale, served.snapshot_id, state, reason, as_of)
    return stale


def show_catalogue() -> None:
    """Render all maps again after a change to the catalogue. Their states and ages do not change.

    This includes the maps of former sources, which the settings may name again.
    """
    with short_transaction():
        for served in ServedContents.objects.select_for_update(of=("self",)).order_by("pk"):
            _render_again(served)


def show_first(source_key: str) -> None:
    """Render the catalogue with unknown contents, before the first run of a source."""
    with short_transaction():
        _render_again(locked_map(source_key))


def _render_again(served: ServedContents) -> None:
    match_again(served.source)
    body = _body(read_rows(served.source), known=served.snapshot_id is not None)
    state = ServedState(served.state)
    _store(served, served.snapshot, state, served.reason, served.as_of, body)


def _store(
    served: ServedContents,
    snapshot: Snapshot | None,
    state: ServedState,
    reason: str,
    as_of: datetime | None,
    body: bytes | None = None,
) -> None:
    """Store the map with a new head, and a new `body` unless it is None."""
    _render(served, snapshot.pk if snapshot else None, state, reason, as_of, body)
    served.rendered_at = clock.now()
    served.save()
    transaction.on_commit(map_cache.forget)


def _render(
    served: ServedContents,
    snapshot_id: int | None,
    state: ServedState,
    reason: str,
    as_of: datetime | None,
    body: bytes | None = None,
) -> None:
    if body is None:
        old = gzip.decompress(served.body_gzip)
        at, known = old.find(_BODY), snapshot_id is not None
        body = old[at:] if at >= 0 else _body(read_rows(served.source), known=known)
    served.snapshot_id, served.state, served.reason, served.as_of = (
        snapshot_id,
        state,
        reason,
        as_of,
    )
    served.fresh_until = overdue_from(as_of) if state == ServedState.FRESH and as_of else None
    document = _head(served, source_for_display(served.source))[:-1] + b"," + body
    # Level 9 takes three times as long for 1 MB and saves only 1/60 of the size.
    served.body_gzip = gzip.compress(document, compresslevel=6, mtime=0)
    served.etag = f'W/"{hashlib.sha256(document).hexdigest()[:32]}"'


def overdue_from(as_of: datetime) -> datetime:
    """Return when a map that was confirmed at `as_of` is overdue, unless a run confirms it.

    This allows one missed refresh, and the full deadline for the next run.
    """
    return as_of + 2 * time_to_next(as_of) + settings.RUN_DEADLINE


def _head(served: ServedContents, source: Source) -> bytes:
    return to_json(
        {
            "state": str(served.state),
            "reason": served.reason or None,
            "as_of": _iso(served.as_of),
            "run": served.snapshot_id,
            "source": {
                "repository": source.repository,
                "branch": source.branch,
                "path": source.path,
                "demo": source.demo,
            },
        }
    )


def _body(entries: Mapping[str, MapEntry], *, known: bool) -> bytes:
    """Render everything after the head, starting with `"contents":{`.

    The keys are directories. Exporters without a directory are listed by title: only `E` is true
    if a snapshot is `known`, and the other kinds are unknown (null) otherwise.
    """
    contents = {
        directory: _contents(entry.exporter is not None, entry.present)
        for directory, entry in entries.items()
    }
    with_directory = {entry.exporter for entry in entries.values()}
    for exporter, title in Exporter.objects.values_list("pk", "title"):
        if exporter not in with_directory:
            contents.setdefault(title, _contents(True, ABSENT if known else UNKNOWN))
    names = sorted(contents, key=str.casefold)
    directories = [name for name in names if name in entries]
    body = {
        "contents": {name: contents[name] for name in names},
        "usable": {name: _by_letter(entries[name].usable) for name in directories},
        "stale": {
            name: {"reason": entries[name].stale, "as_of": _iso(entries[name].as_of)}
            for name in directories
            if entries[name].stale
        },
    }
    return to_json(body)[1:]


@cache  # 10,000 directories have only a few distinct values
def _contents(in_catalogue: bool, present: Flags) -> dict[str, bool | None]:
    return {"E": in_catalogue, **_by_letter(present)}


@cache
def _by_letter(flags: Flags) -> dict[str, bool | None]:
    return {kind.letter: flag for kind, flag in zip(KINDS, flags, strict=True)}


def _iso(time: datetime | None) -> str | None:
    return time.isoformat(timespec="seconds").replace("+00:00", "Z") if time else None
