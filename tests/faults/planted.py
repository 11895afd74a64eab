"""Defects that are planted into the hub's workers and web server to test the checker.

A worker or beat with `--app=tests.faults.planted`, and a web server as `tests.faults.planted_web`,
runs the hub's code with the defect that the file `$HUB_FAULTS_PLANT` names, or without a defect
while the file is empty. A defect replaces text in a function's source; planting fails if the text
is not there.
"""

import builtins
import dis
import importlib
import inspect
import os
import textwrap
import threading
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from types import CodeType
from typing import Any

from celery.signals import task_received

from config.celery import app

__all__ = ["PLANTS", "Plant", "app"]


@dataclass(frozen=True)
class Change:
    """Replace `old` by `new` in the source of a function or method."""

    module: str
    function: str
    old: str
    new: str


@dataclass(frozen=True)
class Plant:
    """A defect, the kind of fault that exposes it, and the expected finding of the checker.

    `says` is a regular expression, because readers may notice a defect in different ways.
    """

    exposed_by: str
    verdict: str
    says: str
    changes: tuple[Change, ...] = ()
    acks_early: bool = False
    within: float = 5.0  # seconds; no need to wait longer for a hub that hangs


_PUBLISH = "hub.content.refresh.publish"
_LIFECYCLE = "hub.runs.lifecycle"
_ENDED = "if run.status != RunStatus.LOOKING_UP:\n            return"

PLANTS = {
    "no fencing": Plant(
        "messages of old runs redelivered",
        "wrong",
        "was served after run|is the newest",
        (
            Change(_PUBLISH, "publish", _ENDED, ""),
            Change(_PUBLISH, "publish", "newest.pk > run.pk", "newest.pk > 2**62"),
        ),
    ),
    "early acknowledgement": Plant(
        "worker killed during lookup, messages redelivered", "stuck", "to end", acks_early=True
    ),
    "publish without transaction": Plant(
        "worker killed during publishing",
        "wrong",
        "has a snapshot and was not published",
        (
            Change(_PUBLISH, "publish", "with short_transaction():", "if True:"),
            Change(_LIFECYCLE, "Lifecycle.locked", ".select_for_update()", ""),
            Change(
                "hub.content.map.render_map",
                "locked_map",
                '.select_for_update(of=("self",))',
                ".all()",
            ),
        ),
    ),
    "a failed lookup publishes false": Plant(
        "GitHub: bursts of 5xx",
        "wrong",
        "matches no commit",
        (
            Change(
                "hub.content.refresh.plan",
                "_stale_entry",
                "_replace(stale=reason,",
                "_replace(stale='', present=ABSENT, usable=ABSENT,",
            ),
        ),
    ),
    "housekeeping closes nothing": Plant(
        "worker killed during listing",
        "stuck",
        "past its deadline",
        (
            Change(
                _LIFECYCLE,
                "Lifecycle.housekeeping",
                "open_runs.filter(deadline__lt=now)",
                "self._rows.none()",
            ),
        ),
        within=12.0,  # until the run is later than the checker tolerates
    ),
    "an outcome counted twice": Plant(
        "publish message delivered twice concurrently",
        "wrong",
        "again",
        (
            Change(
                _PUBLISH,
                "publish",
                _ENDED,
                "if run.status != RunStatus.LOOKING_UP:\n"
                "            _log_changes(run, {}, read_rows(run.source))\n"
                "            return",
            ),
        ),
    ),
    "an empty map after all lookups failed": Plant(
        "GitHub: all directories new, every lookup fails",
        "wrong",
        "matches no commit",
        (
            Change(
                _PUBLISH,
                "publish",
                "refusal = _refusal(run, plan, len(last))",
                "refusal = None\n"
                "        if plan.all_failed:\n"
                "            plan = PublicationPlan({}, False, False)",
            ),
        ),
    ),
    "as_of is the current time": Plant(
        "GitHub killed",
        "wrong",
        "at a time when GitHub did not show that commit",
        (
            Change(
                "hub.content.map.render_map",
                "show_failure",
                "reason, served.as_of)",
                "reason, clock.now())",
            ),
        ),
    ),
    "what was not read counts as absent": Plant(
        "contents: a pointer of Git LFS",
        "wrong",
        "matches no commit",
        (
            Change(
                "hub.content.rules.judges",
                "_may_contain",
                "return file.unread and",
                "return False and",
            ),
        ),
    ),
    "redirects are not followed": Plant(
        "GitHub: repository renamed during lookup",
        "stuck",
        "to be published|to end|lookups failed",
        (
            Change(
                "hub.github.client",
                "GitHubClient._answer",
                "while response.status_code in _REDIRECTS:",
                "while False:",
            ),
        ),
    ),
    "a single 401 retires the token": Plant(
        "GitHub: a single 401 during listing",
        "stuck",
        "to be served as fresh",
        (
            Change(
                "hub.github.tokens",
                "ask_again",
                ".update(state=TokenState.UNKNOWN)",
                ".exists()",
            ),
        ),
    ),
    "text from GraphQL is not verified": Plant(
        "GitHub: GraphQL returns another file's text",
        "wrong",
        "does not hash to its SHA",
        (
            Change(
                "hub.github.graphql",
                "_verified",
                "if blob_sha(data, like=sha) == sha:",
                "if True:",
            ),
        ),
    ),
    "a pack of an earlier snapshot": Plant(
        "GitHub: bursts of 5xx",
        "wrong",
        "manifest: the pack shows|archive: the pack shows",
        (
            Change(
                "hub.packs.select",
                "select_files",
                "directory = Directory(row.directory, row.tree_sha, row.tree_files, "
                "row.tree_judgement)",
                "directory = _files.__dict__.setdefault((source.key, row.directory), "
                "Directory(row.directory, row.tree_sha, row.tree_files, row.tree_judgement))",
            ),
        ),
    ),
    "a metric of an earlier scrape": Plant(
        "GitHub: bursts of 5xx",
        "wrong",
        "scrape: the time of the confirmation is older",
        (
            Change(
                "hub.monitoring.state",
                "_map",
                "text, row.as_of)",
                "text, _map.__dict__.setdefault(source, row.as_of))",
            ),
        ),
    ),
}


def _function(module: str, name: str) -> Any:
    """Return a function of a module, or a method by `Class.method`."""
    return attrgetter(name)(importlib.import_module(module))


def texts_of(plant: Plant) -> dict[tuple[str, str], str]:
    """Return the changed sources by module and function; fails if a text to replace is missing."""
    texts: dict[tuple[str, str], str] = {}
    for change in plant.changes:
        where = (change.module, change.function)
        text = texts.get(where) or textwrap.dedent(inspect.getsource(_function(*where)))
        assert change.old in text, f"{change.old!r} is not in {'.'.join(where)}"
        texts[where] = text.replace(change.old, change.new)
    return texts


class _Planter:
    """Plants defects in this process, at most one at a time."""

    def __init__(self) -> None:
        self._current = ""
        self._originals: list[tuple[Any, CodeType]] = []

    def switch_to(self, name: str) -> None:
        """Replace the current defect by `name`; "" means none."""
        if name == self._current:
            return
        for function, code in reversed(self._originals):
            function.__code__ = code
        self._originals.clear()
        self._current = name
        texts = texts_of(PLANTS[name]) if name else {}
        for (module_name, function_name), text in texts.items():
            function = _function(module_name, function_name)
            changed: dict[str, Any] = {}
            exec(compile(text, f"<{name}>", "exec"), function.__globals__, changed)  # noqa: S102 — the planted text
            planted = changed[function.__name__].__code__
            _check_names(planted, function)
            self._originals.append((function, function.__code__))
            function.__code__ = planted


def _check_names(planted: CodeType, function: Any) -> None:
    """Fail if the planted text uses a name that the module does not have."""
    loaded = {each.argval for each in dis.get_instructions(planted) if each.opname == "LOAD_GLOBAL"}
    missing = loaded - function.__globals__.keys() - vars(builtins).keys()
    assert not missing, f"{function.__name__}: {missing}"


_planter = _Planter()
_planter_lock = threading.Lock()


@task_received.connect
def _plant(request: Any, **_: Any) -> None:
    """Switch to the defect that the file names before a message is processed."""
    name = switch()
    if name and PLANTS[name].acks_early:
        request.acknowledge()


def switch() -> str:
    """Switch to the defect that the file names, and return its name."""
    name = Path(os.environ["HUB_FAULTS_PLANT"]).read_text()
    with _planter_lock:  # threads answer requests at the same time
        _planter.switch_to(name)
    return name
