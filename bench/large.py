"""A hub of any size, of whose directories only the first 50 are looked up.

One token needs 20 hours to look up 100,000 directories. The other directories have the files of the
first one and a picture of their own, so their lookups would have its result, which is copied in
Postgres. All else is real: a worker lists all directories, compares and publishes them.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from psycopg2.extras import Json

from bench.hub import Hub
from bench.repository import GitHub, add_copies, fill
from bench.stage import Stage

LOOKED_UP = 50
# The picture is an SVG, which the hub does not fetch.
_COPY = """
    INSERT INTO hub_contenttree (sha, files, links, unread, judgement, kinds, fit, rules,
        learned_at, has_all_pictures)
    SELECT copy ->> 0, replace(files::text, %s, copy ->> 1)::jsonb, links, unread, judgement,
        kinds, fit, rules, now(), true
    FROM hub_contenttree, jsonb_array_elements(%s) AS copy WHERE sha = %s
"""


@dataclass(frozen=True)
class Published:
    """How long the refreshes of a hub took, in seconds, and what they needed, in bytes."""

    all_new: float
    one_changed: float
    unchanged: float
    worker: int  # peak memory
    map: int  # gzip
    postgres: int


@contextmanager
def large_hub(stage: Stage, directories: int, say: Callable[[str], None]) -> Iterator[Published]:
    """Fill a hub with this many exporters, each with a directory, and publish the directories."""
    say(f"a hub of {directories:,} directories")
    stage.run("bench.fill", str(directories))
    folder = fill(stage.folder / f"first of {directories}", LOOKED_UP)
    with GitHub(stage, folder) as github, Hub(stage) as hub:
        hub.refresh(expected="published")
        original, copies = add_copies(github.fake.repository, LOOKED_UP, directories)
        hub.query(_COPY, [original.picture, Json(copies), original.tree])
        hub.query("ANALYZE")  # autovacuum does this within a minute
        all_new = hub.refresh(expected="published").seconds
        say(f"  all published: {all_new:.2f} s")
        github.change_picture()
        one_changed = hub.refresh(expected="published").seconds
        unchanged = hub.refresh(expected="unchanged").seconds
        say(f"  one changed: {one_changed:.2f} s; unchanged: {unchanged:.2f} s")
        hub.query("ANALYZE")
        yield Published(
            *(all_new, one_changed, unchanged),
            worker=max(worker.peak_memory() for worker in hub.workers),
            map=hub.query("SELECT length(body_gzip) FROM hub_servedcontents")[0][0],
            postgres=hub.query("SELECT pg_database_size(current_database())")[0][0],
        )
