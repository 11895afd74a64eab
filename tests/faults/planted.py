"""Plant defects in the hub's workers, for the checker to find.

A worker or beat that is started with `--app=tests.faults.planted` runs the hub with the defect that
the file `$HUB_FAULTS_PLANT` names; without one if the file is empty. A defect replaces a part of a
function's source, and planting it fails if that source has changed.
"""

import importlib
import inspect
import os
import textwrap
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
    """A change of the source of a function or method: `new` replaces `old`."""

    module: str
    function: str
    old: str
    new: str


@dataclass(frozen=True)
class Plant:
    """A defect, the kind of fault that exposes it, and the checker's expected verdict.

    `says` is a pattern, because readers may see different effects of one defect.
    """

    exposed_by: str
    verdict: str
    says: str
    changes: tuple[Change, ...] = ()
    acks_early: bool = False
    within: float = 5.0  # seconds to wait for a hub that hangs


_PUBLISH = "hub.content.refresh.publish"
_LIFECYCLE = "hub.runs.lifecycle"
_ENDED = "if run.status != RunStatus.LOOKING_UP:\n            return"

PLANTS = {
    "fencing off": Plant(
        "messages of old runs redelivered",
        "wrong",
        "was served after run|is the newest",
        (
            Change(_PUBLISH, "publish", _ENDED, ""),
            Change(_PUBLISH, "publish", "newest.pk > run.pk", "newest.pk > 2**62"),
        ),
    ),
    "acks early": Plant(
        "worker killed in lookup, its messages redelivered", "stuck", "to end", acks_early=True
    ),
    "publish without transaction": Plant(
        "worker killed in publish",
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
        "GitHub: 5xx in bursts",
        "wrong",
        "is of no commit",
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
        "worker killed in list",
        "stuck",
        "past its deadline",
        (
            Change(
                _LIFECYCLE,
                "Lifecycle.housekeeping",
                "self._open().filter(deadline__lt=now)",
                "self._rows.none()",
            ),
        ),
        within=12.0,  # longer than the checker tolerates an overdue run
    ),
    "an outcome counted twice": Plant(
        "publication delivered twice at once",
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
    "everything failed, and an empty map": Plant(
        "GitHub: everything is new, and every lookup fails",
        "wrong",
        "is of no commit",
        (
            Change(
                _PUBLISH,
                "publish",
                "refusal = _refusal(run, plan, len(rows))",
                "refusal = None\n"
                "        if plan.all_failed:\n"
                "            plan = PublicationPlan({}, False, False)",
            ),
        ),
    ),
    "as of now, whatever was confirmed": Plant(
        "GitHub killed",
        "wrong",
        "when GitHub did not show that commit",
        (
            Change(
                "hub.content.map.render_map",
                "show_failure",
                "reason, served.as_of)",
                "reason, timezone.now())",
            ),
        ),
    ),
    "whatever text GraphQL sends": Plant(
        "GitHub: GraphQL's text is not the file's",
        "wrong",
        "does not hash to it",
        (
            Change(
                "hub.github.graphql",
                "_verified",
                "if blob_sha(data, like=sha) == sha:",
                "if True:",
            ),
        ),
    ),
}


def _function(module: str, name: str) -> Any:
    """Return a function of a module, or a `Class.method`."""
    return attrgetter(name)(importlib.import_module(module))


def texts_of(plant: Plant) -> dict[tuple[str, str], str]:
    """Return the new sources by module and name. Fails if the old source has changed."""
    texts: dict[tuple[str, str], str] = {}
    for change in plant.changes:
        where = (change.module, change.function)
        text = texts.get(where) or textwrap.dedent(inspect.getsource(_function(*where)))
        assert change.old in text, f"{change.old!r} is not in {'.'.join(where)} any more"
        texts[where] = text.replace(change.old, change.new)
    return texts


class _Garden:
    """The defect that is planted in this process."""

    def __init__(self) -> None:
        self._now = ""
        self._healthy: list[tuple[Any, CodeType]] = []

    def hold(self, name: str) -> None:
        """Plant only the defect `name` ("" for none)."""
        if name == self._now:
            return
        for function, code in reversed(self._healthy):
            function.__code__ = code
        self._healthy.clear()
        self._now = name
        texts = texts_of(PLANTS[name]) if name else {}
        for (module_name, function_name), text in texts.items():
            function = _function(module_name, function_name)
            made: dict[str, Any] = {}
            exec(compile(text, f"<{name}>", "exec"), function.__globals__, made)  # noqa: S102 — the planted text
            self._healthy.append((function, function.__code__))
            function.__code__ = made[function.__name__].__code__


_garden = _Garden()


@task_received.connect
def _plant(request: Any, **_: Any) -> None:
    """Plant the defect that the file names before the task runs."""
    name = Path(os.environ["HUB_FAULTS_PLANT"]).read_text()
    _garden.hold(name)
    if name and PLANTS[name].acks_early:
        request.acknowledge()
