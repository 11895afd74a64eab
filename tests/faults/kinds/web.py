"""Faults of the web server: killed or frozen."""

from collections.abc import Generator

from tests.faults.kinds import WEB_AWAY, kind
from tests.faults.readers import GIVE_UP
from tests.faults.stage import Stage


@kind("web killed", times=5, allows=WEB_AWAY, short=True)
def killed(stage: Stage) -> Generator[None]:
    stage.parts["web"].kill()
    yield
    stage.restart("web")


@kind("web frozen", times=1, allows=WEB_AWAY)
def frozen(stage: Stage) -> Generator[None]:
    with stage.parts["web"].frozen():
        stage.wait(GIVE_UP + 1)
        yield
