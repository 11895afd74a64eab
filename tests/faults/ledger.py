"""Read the hub's data from Postgres with plain SQL, without its models and rules."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Query = Callable[[str], list[tuple[Any, ...]]]


@dataclass(frozen=True)
class Run:
    """A run; times are seconds since the epoch."""

    number: int
    status: str
    started: float
    deadline: float
    finished: float | None
    tree_sha: str


@dataclass(frozen=True)
class Change:
    """An entry of the change log."""

    number: int
    run: int
    directory: str
    kind: str  # "directory", "I", "A" or "G"
    what: str  # "gained", "lost", …


@dataclass(frozen=True)
class Ledger:
    """A consistent snapshot of the data."""

    now: float
    runs: list[Run]
    facts_runs: list[Run]  # these have no tree
    snapshots: dict[int, str]  # run → root tree SHA
    changes: list[Change]
    lookups: list[tuple[int, str, str]]  # (run, directory, outcome)
    rows: dict[str, dict[str, bool | None]]  # the map's rows by directory
    stale: frozenset[str]
    served_run: int | None
    files: dict[str, bytes]  # the stored content of each blob SHA


def read_ledger(query: Query) -> Ledger:
    """Read the ledger; `query` runs a statement and returns its rows."""
    columns = "id, status, extract(epoch from started_at), extract(epoch from deadline), {}"
    ended = "extract(epoch from finished_at)"
    rows = query("SELECT directory, iac, alerts, dashboard, stale FROM hub_exportercontents")
    served = query("SELECT snapshot_id FROM hub_servedcontents")
    return Ledger(
        now=float(query("SELECT extract(epoch from clock_timestamp())")[0][0]),
        runs=[
            _run(*row)
            for row in query(
                f"SELECT {columns.format(ended)}, root_sha FROM hub_refreshrun ORDER BY id"
            )
        ],
        facts_runs=[
            _run(*row, "")
            for row in query(f"SELECT {columns.format(ended)} FROM hub_factsrun ORDER BY id")
        ],
        snapshots=dict(query("SELECT run_id, root_sha FROM hub_snapshot ORDER BY run_id")),
        changes=[
            Change(*row)
            for row in query("SELECT id, run_id, directory, kind, what FROM hub_change ORDER BY id")
        ],
        lookups=query("SELECT run_id, directory, outcome FROM hub_lookup"),
        rows={name: dict(zip("IAG", present, strict=True)) for name, *present, _ in rows},
        stale=frozenset(name for name, *_, stale in rows if stale),
        served_run=served[0][0] if served else None,
        files={sha: bytes(data) for sha, data in query("SELECT sha, data FROM hub_contentblob")},
    )


def _run(
    number: int, status: str, started: Any, deadline: Any, finished: Any, tree_sha: str
) -> Run:
    ended = None if finished is None else float(finished)
    return Run(number, status, float(started), float(deadline), ended, tree_sha)
