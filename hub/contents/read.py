"""What readers ask: the bytes of the map, and how far to trust them. Never waits for GitHub."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import OuterRef, QuerySet, Subquery
from django.utils import timezone

from hub.contents.serve import serve_catalogue, serve_overdue
from hub.github.source import configured_source
from hub.models import Reason, RefreshRun, RunStatus, ServedContents, ServedState


@dataclass(frozen=True)
class Freshness:
    """How old the map is and why it is not newer."""

    state: ServedState
    reason: str
    as_of: datetime | None
    demo: bool

    @property
    def age_seconds(self) -> int | None:
        """Whole seconds since GitHub last confirmed the map; None without a snapshot."""
        if self.as_of is None:
            return None
        return max(0, int((timezone.now() - self.as_of).total_seconds()))

    @property
    def advice(self) -> str:
        """The reason in words, with what to do; "" when the map is fresh."""
        return str(Reason(self.reason).label) if self.reason else ""


def current() -> ServedContents:
    """The row that is served now.

    There is always one: before the first run it lists the catalogue with its contents unknown.
    A map that calls itself fresh although no run has confirmed it for two ticks (beat or the
    workers are gone, so nobody else will say so) is rendered as stale first.
    """
    return _current(ServedContents.objects.all())


def glance() -> tuple[ServedContents, str]:
    """The row that is served now, without its bytes, and what an open run is doing, in words.

    In one query, for every page shows it. The second is "" when no run is open.
    """
    open_run = RefreshRun.objects.open().filter(source=OuterRef("pk"))
    served = _current(
        ServedContents.objects.defer("body", "body_gzip").annotate(
            open_run=Subquery(open_run.values("status")[:1])
        )
    )
    status = served.open_run  # type: ignore[attr-defined]
    return served, str(RunStatus(status).label) if status else ""


def _current(rows: QuerySet[ServedContents]) -> ServedContents:
    key = configured_source().key
    served = rows.filter(pk=key).first()
    if served is None:
        serve_catalogue()
    elif served.fresh_until and served.fresh_until < timezone.now():
        serve_overdue(key)
    else:
        return served
    return rows.get(pk=key)


def freshness(served: ServedContents) -> Freshness:
    """The freshness of `served`."""
    return Freshness(
        ServedState(served.state), served.reason, served.as_of, configured_source().demo
    )
