"""Defects planted into the hub's workers, for the checker to find.

A worker or beat that is started with `--app=tests.faults.planted` is the hub's own, but for the
defect that the file `$HUB_FAULTS_PLANT` names at the moment; none while it is empty. A defect is a
change of a function's text, and refuses to be planted when the text is not there any more.
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
    """In the text of a function, or of a class's method, `new` replaces `old`."""

    module: str
    function: str
    old: str
    new: str


@dataclass(frozen=True)
class Plant:
    """A defect, the kind of fault that brings it to light, and what the checker then says.

    `says` is a pattern: what readers happen to see of one defect may differ.
    """

    exposed_by: str
    verdict: str
    says: str
    changes: tuple[Change, ...] = ()
    acks_early: bool = False
    within: float = 5.0  # seconds; a hub that then hangs need not be waited for longer


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
                "_kept",
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
        within=12.0,  # until the run is overdue beyond all patience of the checker
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
                "refusal, plan = None, Plan({}, False, False) if plan.all_failed else plan",
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
    """A function of a module, or `Class.method`."""
    return attrgetter(name)(importlib.import_module(module))


def texts_of(plant: Plant) -> dict[tuple[str, str], str]:
    """The functions' new texts, by module and name; fails where one is not as it was."""
    texts: dict[tuple[str, str], str] = {}
    for change in plant.changes:
        where = (change.module, change.function)
        text = texts.get(where) or textwrap.dedent(inspect.getsource(_function(*where)))
        assert change.old in text, f"{change.old!r} is not in {'.'.join(where)} any more"
        texts[where] = text.replace(change.old, change.new)
    return texts


class _Garden:
    """What is planted in this process."""

    def __init__(self) -> None:
        self._now = ""
        self._healthy: list[tuple[Any, CodeType]] = []

    def hold(self, name: str) -> None:
        """Plant `name` alone ("": nothing)."""
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
    """Before a message is worked on, hold what the file names."""
    name = Path(os.environ["HUB_FAULTS_PLANT"]).read_text()
    _garden.hold(name)
    if name and PLANTS[name].acks_early:
        request.acknowledge()
