"""Faults that must not stop a run: a renamed repository, contents that the hub cannot read, edits.

The newest commit is published during the fault, and no lookup fails.
"""

from collections.abc import Generator
from functools import partial

from tests.common.waiting import wait_until
from tests.faults.kinds import kind
from tests.faults.kinds.github import BLOBS, LIST, LOOK_UP, Step, healed
from tests.faults.kinds.workers import LOOKUP
from tests.faults.stage import Stage
from tests.faults.truth import Commit

_NEW_NAME = "elsewhere/renamed"
_DIRECTORIES = 5
_RULES = {
    "message": "Repository rule violations found\n\nChanges must be made through a pull request."
}
_SUBMODULE = {"message": "Invalid object requested. SHA must identify a commit or a tree."}


def _wait_until_complete(stage: Stage, commit: Commit) -> None:
    stage.wait_for_complete(commit)
    failures = stage.failures_of(commit)
    assert not failures, f"lookups failed: {sorted(failures)}"
    stage.wait_for_end(stage.newest_run())  # readers have got the commit then


# --- renamed --------------------------------------------------------------------------------------


def _renamed(step: Step, stage: Stage) -> Generator[None]:
    with stage.writer.quiet(), healed(stage):
        held = stage.github.hold(step.paths)
        commit = stage.writer.renew(_DIRECTORIES)
        stage.tick()
        stage.wait_for_strike(held)
        stage.github.rename(_NEW_NAME)
        try:
            stage.github.release(held)
            _wait_until_complete(stage, commit)
            known = stage.query("SELECT current FROM hub_renamedrepository")
            assert known == [(_NEW_NAME,)], f"the hub knows {known}"
            yield
        finally:
            stage.github.rename_back()
            stage.execute("DELETE FROM hub_renamedrepository")


for _step in (LIST, LOOK_UP, BLOBS):
    kind(f"GitHub: repository renamed during {_step.name}", times=2, short=_step is LOOK_UP)(
        partial(_renamed, _step)
    )


# --- contents that cannot be read -----------------------------------------------------------------


def _hidden(how: str, stage: Stage) -> Generator[None]:
    with stage.writer.quiet():
        try:
            commit = stage.writer.hide(how)
            stage.tick()
            _wait_until_complete(stage, commit)
            yield
        finally:
            stage.writer.reveal()


for _how, _name in (
    ("inside", "a symbolic link inside its directory"),
    ("link", "a symbolic link out of its directory"),
    ("submodule", "a submodule"),
    ("pointer", "a pointer of Git LFS"),
):
    kind(f"contents: {_name}", times=2, short=_how == "pointer")(partial(_hidden, _how))


@kind("GitHub: recursive trees rejected with 422", times=2)
def rejected_recursive_trees(stage: Stage) -> Generator[None]:
    with stage.writer.quiet(), healed(stage):
        strike = stage.github.strike("answer", [422, _SUBMODULE], LOOKUP, None)
        commit = stage.writer.renew(_DIRECTORIES)
        stage.tick()
        stage.wait_for_strike(strike)
        _wait_until_complete(stage, commit)
        yield


# --- edits ----------------------------------------------------------------------------------------


@kind("GitHub: edits rejected by the rules of the repository", times=2)
def rejected_edits(stage: Stage) -> Generator[None]:
    """Each edit is rejected and kept, and does not block the one behind it or the run."""
    with stage.writer.quiet(), healed(stage):
        strike = stage.github.strike("answer", [409, _RULES], "/contents/", None)
        for path in ("one.md", "two.md"):
            stage.execute(
                "INSERT INTO hub_contentedit (source, directory, path, action, text, base_sha,"
                " message, state, reason, detail, commit_sha, created_at)"
                " SELECT source, 'Alpha', %s, 'write', 'text', '', 'Write', 'queued', '', '', '',"
                " now() FROM hub_servedcontents",
                [path],
            )
        commit = stage.writer.renew(_DIRECTORIES)
        stage.tick()
        stage.wait_for_strike(strike, times=2)
        _wait_until_complete(stage, commit)
        waiting = "SELECT 1 FROM hub_contentedit WHERE state <> 'refused' OR text = ''"
        wait_until(lambda: not stage.query(waiting), "both edits to be kept as drafts")
        yield
        stage.execute("DELETE FROM hub_contentedit")
