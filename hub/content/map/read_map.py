"""Read the served map and its freshness. Never waits for GitHub."""

from dataclasses import dataclass
from datetime import datetime

from django.db import InterfaceError, OperationalError
from django.db.models import OuterRef, Subquery

from hub import clock
from hub.content.map.map_cache import ServedMap, map_cache
from hub.content.map.render_map import as_stale, show_first
from hub.github.renames import renames_of
from hub.github.source import configured_source
from hub.models import Reason, RefreshRun, RunStatus, ServedContents, ServedState

_SETUP_PROBLEMS = {
    *(Reason.NO_TOKEN, Reason.TOKEN_REFUSED, Reason.NOT_FOUND, Reason.ACCESS_DENIED),
    *(Reason.SSO_REQUIRED, Reason.IP_NOT_ALLOWED, Reason.SUSPENDED, Reason.EMPTY_REPOSITORY),
}


@dataclass(frozen=True)
class Freshness:
    """How old the map is and why it is not newer."""

    state: ServedState
    reason: str
    as_of: datetime | None
    demo: bool

    @property
    def age_seconds(self) -> int | None:
        """Seconds since GitHub last confirmed the map; None without a snapshot."""
        return _age(self.as_of)

    @property
    def advice(self) -> str:
        """The reason and what to do about it; "" if the map is fresh."""
        return str(Reason(self.reason).label) if self.reason else ""

    @property
    def is_setup_problem(self) -> bool:
        """Whether the token or the settings of the source have to be corrected."""
        return self.reason in _SETUP_PROBLEMS


def cached_map() -> ServedMap:
    """Return the served map, from the cache if possible.

    Before the first run it lists the catalogue with unknown contents. It returns the map marked as
    stale if no run has confirmed it for two intervals and a run's deadline, because nothing else
    does so if beat or the workers are down, and while Postgres does not respond.
    """
    cached = map_cache.get()
    if cached and not is_overdue(cached.served):
        return cached
    try:
        return fetch_map()
    except (OperationalError, InterfaceError):
        last = map_cache.last()
        if last is None:
            raise
        stale = as_stale(last.served, Reason.NO_DATABASE)
        return map_cache.fetch(lambda: (stale, "", last.renamed_to))


def fetch_map() -> ServedMap:
    """Return the served map from Postgres, for pages that show the progress of a run."""
    return map_cache.fetch(_fetch)


def _fetch() -> tuple[ServedContents, str, str]:
    """Return the fields of `ServedMap`, with one query."""
    source = configured_source()
    key, rename = source.key, renames_of(source.repository.casefold())
    open_run = RefreshRun.objects.open().filter(source=OuterRef("pk"))
    rows = ServedContents.objects.annotate(
        open_run=Subquery(open_run.values("status")[:1]),
        renamed_to=Subquery(rename.exclude(current=source.repository).values("current")),
    )
    served = rows.filter(pk=key).first()
    if served is None:
        show_first(key)
        served = rows.get(pk=key)
    running = str(RunStatus(served.open_run).label) if served.open_run else ""
    # A response copies the memoryview that psycopg2 returns, but not bytes: once, not per request.
    served.body_gzip = bytes(served.body_gzip)
    renamed_to = served.renamed_to or ""
    if is_overdue(served):
        return as_stale(served, served.reason or Reason.OVERDUE), running, renamed_to
    return served, running, renamed_to


def is_overdue(served: ServedContents) -> bool:
    late = served.fresh_until is not None and served.fresh_until < clock.now()
    return late or clock.is_ahead(served.as_of)


def age_header(served: ServedContents) -> dict[str, str]:
    """Return the `Hub-Snapshot-Age` header (whole seconds); nothing without a snapshot."""
    age = _age(served.as_of)
    return {} if age is None else {"Hub-Snapshot-Age": str(age)}


def _age(as_of: datetime | None) -> int | None:
    if as_of is None:
        return None
    return max(0, int((clock.now() - as_of).total_seconds()))


def freshness(served: ServedContents) -> Freshness:
    """Return the freshness of the served row."""
    return Freshness(
        ServedState(served.state), served.reason, served.as_of, configured_source().demo
    )
