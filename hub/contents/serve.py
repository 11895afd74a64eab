"""The bytes that readers get: rendered once when something changed, then only sent."""

import gzip
import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from hub.contents.copies import copies
from hub.contents.owners import match_again
from hub.contents.plan import FIELDS
from hub.github.source import Source, configured_source
from hub.models import (
    Exporter,
    ExporterContents,
    Reason,
    ServedContents,
    ServedState,
    Snapshot,
)
from hub.schedule import time_to_next
from hub.transactions import short_transaction


def serve_snapshot(snapshot: Snapshot, as_of: datetime | None) -> None:
    """Serve `snapshot` as fresh; `as_of` is when GitHub last confirmed it."""
    with short_transaction():
        _store(_locked(snapshot.source), snapshot, ServedState.FRESH, "", as_of)


def serve_failure(source_key: str, reason: Reason) -> None:
    """Go on serving what there is, and say why it is not newer."""
    with short_transaction():
        served = _locked(source_key)
        state = ServedState.STALE if served.snapshot else ServedState.EMPTY
        _store(served, served.snapshot, state, reason, served.as_of)


def serve_overdue(source_key: str) -> None:
    """Say that the map is older than planned, unless that is being seen to.

    A reader calls it, who waits for nobody: whoever holds the row renders it at this moment.
    """
    with short_transaction():
        rows = ServedContents.objects.select_for_update(of=("self",), skip_locked=True)
        served = rows.filter(pk=source_key, fresh_until__lt=timezone.now()).first()
        if served:
            _store(served, served.snapshot, ServedState.STALE, Reason.OVERDUE, served.as_of)


def serve_catalogue() -> None:
    """Render again after a change of the catalogue, with the same state and age."""
    source = configured_source()
    with short_transaction():
        match_again(source.key)
        served = _locked(source.key)
        _store(served, served.snapshot, ServedState(served.state), served.reason, served.as_of)


def _locked(source_key: str) -> ServedContents:
    """The source's row, locked: two writers must not render from each other's past."""
    ServedContents.objects.get_or_create(
        source=source_key, defaults={"state": ServedState.EMPTY, "body": b"", "body_gzip": b""}
    )
    return ServedContents.objects.select_for_update(of=("self",)).get(source=source_key)


def _store(
    served: ServedContents,
    snapshot: Snapshot | None,
    state: ServedState,
    reason: str,
    as_of: datetime | None,
) -> None:
    served.snapshot, served.state, served.reason, served.as_of = snapshot, state, reason, as_of
    served.fresh_until = _fresh_until(as_of) if state == ServedState.FRESH and as_of else None
    served.body = render(
        configured_source(),
        state=state,
        reason=reason,
        as_of=as_of,
        run=snapshot.pk if snapshot else None,
        rows=ExporterContents.objects.filter(source=served.source),
        exporters=dict(Exporter.objects.values_list("pk", "title")),
    )
    served.body_gzip = gzip.compress(served.body, mtime=0)
    served.etag = f'W/"{hashlib.sha256(served.body).hexdigest()[:32]}"'
    served.rendered_at = timezone.now()
    served.save()
    transaction.on_commit(copies.forget)


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
    rows: Iterable[ExporterContents],
    exporters: Mapping[int, str],
) -> bytes:
    """The whole map as JSON bytes.

    Keyed by directory. Exporters of the catalogue (`exporters`: id → title) that have no
    directory stand there too, under their title: with `E` alone once a snapshot is there, and
    with the rest unknown (null) before.
    """
    contents: dict[str, dict[str, bool | None]] = {}
    usable: dict[str, dict[str, bool | None]] = {}
    stale: dict[str, dict[str, Any]] = {}
    with_directory = set()
    for row in rows:
        contents[row.directory] = {
            "E": row.exporter_id is not None,
            **{letter: getattr(row, name) for letter, name in FIELDS.items()},
        }
        usable[row.directory] = usable_of(row)
        with_directory.add(row.exporter_id)
        if row.stale:
            stale[row.directory] = {"reason": row.stale, "as_of": _iso(row.as_of)}
    nothing = None if run is None else False
    for exporter, title in exporters.items():
        if exporter not in with_directory:
            contents.setdefault(title, {"E": True, "I": nothing, "A": nothing, "G": nothing})
    return json.dumps(
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
            "contents": dict(sorted(contents.items(), key=lambda item: item[0].casefold())),
            "usable": usable,
            "stale": stale,
        },
        ensure_ascii=False,
        separators=(",", ":"),
    ).encode()


def _iso(time: datetime | None) -> str | None:
    return time.isoformat(timespec="seconds").replace("+00:00", "Z") if time else None
