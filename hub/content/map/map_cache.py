"""This process' copy of what is served: so that a read need not ask Postgres for the same bytes.

Never older than `COPY_SECONDS`: then Postgres is asked whether they are still the ones. Without an
answer there is nothing to serve, so that no reader gets what nobody vouches for.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

from django.conf import settings

from hub.models import ServedContents


@dataclass(frozen=True)
class Glance:
    """What is served, without its bytes, and what an open run is doing, in words ("" for none).

    `at` is when Postgres was asked (`time.monotonic()`).
    """

    served: ServedContents
    running: str
    at: float

    @property
    def version(self) -> tuple[object, ...]:
        """Another one whenever readers are to see something else."""
        return (*_rendering(self.served), self.running)


def _rendering(served: ServedContents) -> tuple[object, ...]:
    """Which rendering of which source a row holds."""
    return (served.pk, served.etag, served.rendered_at)


class Copies:
    """The newest glance and the newest bytes; thread-safe, one a process.

    What is in it is replaced and never changed, so that readers need no lock.
    """

    def __init__(self) -> None:
        self._glance: Glance | None = None
        self._bytes: ServedContents | None = None
        self._since = float("-inf")  # what was asked before is not to be kept
        self._lock = threading.Lock()

    def glance(self) -> Glance | None:
        """The copy, while it is young enough."""
        glance = self._glance
        return glance if glance and monotonic() - glance.at < settings.COPY_SECONDS else None

    def look(self, ask: Callable[[], tuple[ServedContents, str]]) -> Glance:
        """Ask, and keep the answer, unless a newer one is there by now: readers never go back."""
        at = monotonic()
        glance = Glance(*ask(), at)
        with self._lock:
            if at >= max(self._since, self._glance.at if self._glance else self._since):
                self._glance = glance
        return glance

    def bytes_of(self, glance: Glance) -> ServedContents | None:
        """The row with its bytes, when the copy is what `glance` saw."""
        kept = self._bytes
        return kept if kept and _rendering(kept) == _rendering(glance.served) else None

    def keep_bytes(self, served: ServedContents) -> None:
        """Keep a row that was read whole."""
        self._bytes = served

    def forget(self) -> None:
        """Whoever is about to read sees what this process has just changed."""
        with self._lock:
            self._glance, self._since = None, monotonic()


copies = Copies()
