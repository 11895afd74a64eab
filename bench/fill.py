"""`python -m bench.fill N`: fill a hub with N exporters and directories, and publish their map.
With `--names M`, each directory has M names of metrics.

`python -m bench.fill --publish` then publishes continuously, with one changed directory each time.
"""

import argparse
import itertools
import json
import os
import sys
from hashlib import sha1

import django
from django.conf import settings

_TABLES = (
    "hub_refreshrun, hub_lookup, hub_snapshot, hub_exportercontents, hub_contentname, hub_change,"
    " hub_servedcontents, hub_treelisting, hub_contenttree, hub_exporter, hub_category"
)


def main() -> None:
    """Parse the command line and run. With `--publish`, print a line after each publication."""
    parser = argparse.ArgumentParser(prog="python -m bench.fill", description=__doc__)
    parser.add_argument("exporters", type=int, nargs="?", default=0)
    parser.add_argument("--names", type=int, default=0)
    parser.add_argument("--publish", action="store_true")
    arguments = parser.parse_args()
    django.setup()
    if not arguments.publish:
        _fill(arguments.exporters, arguments.names)
        return
    from hub.models import ExporterContents, RefreshRun

    os.nice(10)  # like the workers
    RefreshRun.objects.open().delete()  # a run that was interrupted
    directories = list(ExporterContents.objects.values_list("directory", flat=True))
    for number in itertools.count(1):
        _publish(directories, number)
        sys.stdout.write(f"published {number}\n")
        sys.stdout.flush()


def _fill(count: int, names: int) -> None:
    from django.db import connection

    from tests.common.catalogue import fill_catalogue

    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {_TABLES} CASCADE")
    fill_catalogue(count)
    _fill_names(names)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")  # autovacuum does this within a minute


def _fill_names(count: int) -> None:
    """Create names in each directory: half are exported, and half are used by ten alerts each."""
    from hub.content.kinds import LETTERS
    from hub.models import ContentName, ExporterContents

    uses = [["alert.yaml", LETTERS[0], f"alert 'A{n}'", n] for n in range(10)]
    ContentName.objects.bulk_create(
        (
            ContentName(
                source=source,
                directory=directory,
                name=f"{directory.lower()}_metric_{n}_total",
                family=f"{directory.lower()}_metric_{n}_total",
                type="counter",
                help="What it counts, in a sentence of a usual length.",
                exported=n % 2 == 0,
                versions=[""] if n % 2 == 0 else [],
                used=n % 4 < 2,
                uses=uses if n % 4 < 2 else [],
            )
            for source, directory in ExporterContents.objects.values_list("source", "directory")
            for n in range(count)
        ),
        batch_size=1000,
    )


def _publish(directories: list[str], number: int) -> None:
    """Publish a run as if its lookups had just finished."""
    from django.utils import timezone

    from hub.content import judgement as rules
    from hub.content.refresh import publish
    from hub.content.rules.judge import judge
    from hub.github.source import configured_source
    from hub.models import ContentTree, RefreshRun, RunStatus, RunTrigger, TreeListing
    from tests.common import contents

    files = {"alerts.yaml": contents.alert(), "dashboard.json": contents.dashboard("A board")}
    trees = {name: _sha(name) for name in directories}
    trees[directories[number % len(directories)]] = _sha(f"publication {number}")
    judgement = rules.judge_directory({path: judge(files[path]) for path in files})
    learned = {"judgement": judgement.as_json(), "kinds": judgement.kinds()}
    ContentTree.objects.bulk_create(
        (
            ContentTree(sha=sha, files=[], rules=rules.RULES_VERSION, **learned)
            for sha in set(trees.values())
        ),
        batch_size=1000,
        ignore_conflicts=True,
    )
    entries = {name: ["tree", sha] for name, sha in trees.items()}
    listing = _sha(json.dumps(entries))
    TreeListing.objects.get_or_create(pk=listing, defaults={"entries": entries})
    now = timezone.now()
    run = RefreshRun.objects.create(
        source=configured_source().key,
        trigger=RunTrigger.COMMAND,
        started_at=now,
        deadline=now + settings.RUN_DEADLINE,
        listed_at=now,
        status=RunStatus.LOOKING_UP,
        root_sha=listing,
        contents_sha=listing,
        directories=len(directories),
    )
    publish.publish(run.pk)
    run.refresh_from_db()
    assert run.status == RunStatus.PUBLISHED, run.reason


def _sha(text: str) -> str:
    return sha1(text.encode()).hexdigest()


if __name__ == "__main__":
    main()
