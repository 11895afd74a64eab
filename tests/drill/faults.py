"""The fault that makes each alert fire. Each is repaired at the end of its block."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager

from tests.drill.stage import DrillStage
from tests.faults.kinds.disk import full

Fault = Callable[[DrillStage], AbstractContextManager[None]]

_SOON, _LATER = 3, 300  # days
_HOUR = 3600  # seconds


@contextmanager
def _token_expires_soon(stage: DrillStage) -> Iterator[None]:
    stage.github.expire(_SOON)
    yield
    stage.github.expire(_LATER)


@contextmanager
def _token_revoked(stage: DrillStage) -> Iterator[None]:
    stage.github.revoke()
    yield
    stage.github.heal()
    for worker in stage.workers:  # a worker that starts tries the refused tokens again
        worker.kill()
        stage.restart(worker.name)


@contextmanager
def _quota_used_up(stage: DrillStage) -> Iterator[None]:
    stage.github.exhaust(_HOUR, 400)
    yield
    stage.github.heal()


@contextmanager
def _github_unreachable(stage: DrillStage) -> Iterator[None]:
    stage.proxies.cut("github", True)
    yield
    stage.proxies.repair("github")


@contextmanager
def _directories_deleted(stage: DrillStage) -> Iterator[None]:
    with stage.writer.shrunk():
        yield


@contextmanager
def _workers_frozen(stage: DrillStage) -> Iterator[None]:
    with ExitStack() as frozen:
        for worker in stage.workers:
            frozen.enter_context(worker.frozen())
        yield


@contextmanager
def _beat_killed(stage: DrillStage) -> Iterator[None]:
    stage.parts["beat"].kill()
    yield
    stage.restart("beat")


@contextmanager
def _postgres_unreachable(stage: DrillStage) -> Iterator[None]:
    stage.proxies.cut("postgres", True)
    yield
    stage.proxies.repair("postgres")


# The names of the alerts that each fault must cause, without the prefix.
FAULTS: dict[tuple[str, ...], Fault] = {
    ("TokenExpiring",): _token_expires_soon,
    ("QuotaLow",): _quota_used_up,
    ("RunHeld",): _directories_deleted,
    ("RunsFailing", "SnapshotTooOld"): _github_unreachable,
    ("TokenRefused",): _token_revoked,
    ("QueueGrowing", "NoWorker"): _workers_frozen,
    ("BeatSilent",): _beat_killed,
    ("Down", "WebErrors"): _postgres_unreachable,
    ("DiskFull",): full,
}
