"""The bytes that readers get: rendered once when something changed, then only sent."""

import gzip
import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache, partial
from json.encoder import encode_basestring as _text
from typing import Any, NamedTuple

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from hub.content.directory_owners import match_again
from hub.content.map.map_cache import copies
from hub.content.refresh.plan import FIELDS
from hub.github.source import Source, configured_source
from hub.models import (
    Exporter,
    ExporterContents,
    Reason,
    ServedContents,
    ServedState,
    Snapshot,
)
from hub.runs.schedule import time_to_next
from hub.runs.transactions import short_transaction

_USABLE = [f"{name}_usable" for name in FIELDS.values()]
_FEW = 1000  # rows; more are read faster with all others


class Piece(NamedTuple):
    """What the map says of one directory, as JSON."""

    exporter: int | None
    contents: str
    usable: str
    stale: str  # "" when it is not


@dataclass(frozen=True)
class _Rendered:
    """The pieces of the map, by directory, as this process has last put them together."""

    version: tuple[Any, ...]
    pieces: dict[str, Piece]


_last: _Rendered | None = None  # replaced and never changed


def serve_snapshot(
    snapshot: Snapshot, as_of: datetime | None, written: Collection[str] | None = None
) -> None:
    """Serve `snapshot` as fresh; `as_of` is when GitHub last confirmed it.

    `written` names the directories whose rows may have changed since the map was last served;
    None: any of them.
    """
    with short_transaction():
        _store(_locked(snapshot.source), snapshot, ServedState.FRESH, "", as_of, written)


def serve_failure(source_key: str, reason: Reason) -> None:
    """Go on serving what there is, and say why it is not newer."""
    with short_transaction():
        served = _locked(source_key)
        state = ServedState.STALE if served.snapshot else ServedState.EMPTY
        _store(served, served.snapshot, state, reason, served.as_of, ())


def serve_overdue(source_key: str) -> None:
    """Say that the map is older than planned, unless that is being seen to.

    A reader calls it, who waits for nobody: whoever holds the row renders it at this moment.
    """
    with short_transaction():
        rows = ServedContents.objects.select_for_update(of=("self",), skip_locked=True).defer(
            "body_gzip"
        )
        served = rows.filter(pk=source_key, fresh_until__lt=timezone.now()).first()
        if served:
            _store(served, served.snapshot, ServedState.STALE, Reason.OVERDUE, served.as_of, ())


def serve_catalogue() -> None:
    """Render again after a change of the catalogue, with the same state and age."""
    source = configured_source()
    with short_transaction():
        match_again(source.key)
        served = _locked(source.key)
        state = ServedState(served.state)
        _store(served, served.snapshot, state, served.reason, served.as_of, None)


def _locked(source_key: str) -> ServedContents:
    """The source's row, locked: two writers must not render from each other's past."""
    rows = ServedContents.objects.select_for_update(of=("self",)).defer("body_gzip")
    served = rows.filter(pk=source_key).first()
    if served is None:
        new = ServedContents(source=source_key, state=ServedState.EMPTY, body_gzip=b"")
        ServedContents.objects.bulk_create([new], ignore_conflicts=True)
        served = rows.get(pk=source_key)
    return served


def _store(
    served: ServedContents,
    snapshot: Snapshot | None,
    state: ServedState,
    reason: str,
    as_of: datetime | None,
    written: Collection[str] | None,
) -> None:
    """Render the map and store it. `written` as for `serve_snapshot`."""
    exporters = dict(Exporter.objects.values_list("pk", "title"))
    pieces = _pieces(served, written, exporters)
    served.snapshot, served.state, served.reason, served.as_of = snapshot, state, reason, as_of
    served.fresh_until = _fresh_until(as_of) if state == ServedState.FRESH and as_of else None
    body = render(
        configured_source(),
        state=state,
        reason=reason,
        as_of=as_of,
        run=snapshot.pk if snapshot else None,
        pieces=pieces,
        exporters=exporters,
    )
    # Level 9 takes three times as long for 1 MB, and saves one byte in sixty.
    served.body_gzip = gzip.compress(body, compresslevel=6, mtime=0)
    served.etag = f'W/"{hashlib.sha256(body).hexdigest()[:32]}"'
    served.rendered_at = timezone.now()
    served.save()
    transaction.on_commit(copies.forget)
    transaction.on_commit(partial(_remember, _Rendered(_version(served), pieces)))


def _pieces(
    served: ServedContents, written: Collection[str] | None, exporters: Mapping[int, str]
) -> dict[str, Piece]:
    """What the map says of each directory now; `served` is locked, and as it was last rendered.

    Whoever changes a row renders the map in the same transaction, under that lock: where this
    process did so last, all rows but those `written` are as it remembers them.
    """
    last = _last
    rows = ExporterContents.objects.filter(source=served.source).order_by()
    known: dict[str, Piece] = {}
    if (
        written is not None
        and len(written) <= _FEW
        and last is not None
        and last.version == _version(served)
        and all(p.exporter is None or p.exporter in exporters for p in last.pieces.values())
    ):
        known = last.pieces.copy()
        for directory in written:
            known.pop(directory, None)
        rows = rows.filter(directory__in=written) if written else rows.none()
    said = rows.values_list("directory", "exporter", *FIELDS.values(), *_USABLE, "stale", "as_of")
    return known | {row[0]: _piece(*row) for row in said.iterator()}


def _piece(directory: str, exporter: int | None, *row: Any) -> Piece:
    """`row`: whether each kind of `FIELDS` is there, whether each would work, why the row is stale
    and since when."""
    iac, alerts, dashboard, *works, why_stale, confirmed = row
    name = _text(directory)
    return Piece(
        exporter,
        f"{name}:{_contents(exporter is not None, iac, alerts, dashboard)}",
        f"{name}:{_usable(*works)}",
        why_stale and f"{name}:{_json({'reason': why_stale, 'as_of': _iso(confirmed)})}",
    )


def _version(served: ServedContents) -> tuple[Any, ...]:
    return (served.source, served.etag, served.rendered_at)


def _remember(rendered: _Rendered) -> None:
    global _last
    _last = rendered


def _fresh_until(as_of: datetime) -> datetime:
    """One missed tick is forgiven, and a run may take until its deadline."""
    return as_of + 2 * time_to_next(as_of) + settings.RUN_DEADLINE


def usable_of(row: ExporterContents) -> dict[str, bool | None]:
    """Whether a directory's content of each kind would work, by the map's letters."""
    return {letter: getattr(row, f"{name}_usable") for letter, name in FIELDS.items()}


def render(
    source: Source,
    *,
    state: str,
    reason: str,
    as_of: datetime | None,
    run: int | None,
    pieces: Mapping[str, Piece],
    exporters: Mapping[int, str],
) -> bytes:
    """The whole map as JSON bytes.

    Keyed by directory. Exporters of the catalogue (`exporters`: id → title) that have no
    directory stand there too, under their title: with `E` alone once a snapshot is there, and
    with the rest unknown (null) before.
    """
    head = _json(
        {
            "state": state,
            "reason": reason or None,
            "as_of": _iso(as_of),
            "run": run,
            "source": {
                "repository": source.repository,
                "branch": source.branch,
                "path": source.path,
                "demo": source.demo,
            },
        }
    )
    contents = {name: piece.contents for name, piece in pieces.items()}
    with_directory = {piece.exporter for piece in pieces.values()}
    nothing = None if run is None else False
    for exporter, title in exporters.items():
        if exporter not in with_directory and title not in contents:
            contents[title] = f"{_text(title)}:{_contents(True, nothing, nothing, nothing)}"
    names = sorted(contents, key=str.casefold)
    in_order = [pieces[name] for name in names if name in pieces]
    said = {
        "contents": [contents[name] for name in names],
        "usable": [piece.usable for piece in in_order],
        "stale": [piece.stale for piece in in_order if piece.stale],
    }
    parts = [f'"{key}":{{{",".join(members)}}}' for key, members in said.items()]
    return f"{head[:-1]},{','.join(parts)}}}".encode()


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


# Of what is said of 10,000 directories there are few kinds: each is written once.
@lru_cache(maxsize=128)
def _contents(exporter: bool, *there: bool | None) -> str:
    return _json({"E": exporter, **dict(zip(FIELDS, there, strict=True))})


@lru_cache(maxsize=128)
def _usable(*works: bool | None) -> str:
    return _json(dict(zip(FIELDS, works, strict=True)))


def _iso(time: datetime | None) -> str | None:
    return time.isoformat(timespec="seconds").replace("+00:00", "Z") if time else None
