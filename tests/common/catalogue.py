"""Fill a catalogue of any size, with contents."""

from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from hub.content.map.render_map import locked_map, show_snapshot
from hub.content.map.rows import read_rows
from hub.github.source import configured_source
from hub.models import Category, Exporter, ExporterContents, RefreshRun, Release, Snapshot
from hub.models.search_index import reindex


def fill_catalogue(count: int) -> None:
    """Create `count` exporters in ten categories, each with description, release and directory.

    Every second exporter has alerting rules, and every second of those is usable. Every third has a
    usable chart. None has a dashboard. One more directory belongs to no exporter.
    """
    now = timezone.now()
    source = configured_source().key
    categories = Category.objects.bulk_create(Category(name=f"Shelf {n}") for n in range(10))
    exporters = Exporter.objects.bulk_create(
        Exporter(
            slug=f"exporter-{n}",
            title=f"Number {n:04}",
            project_name=f"Number {n:04} Exporter",
            repository=f"https://github.com/tests/number_{n}_exporter",
            category=categories[n % 10],
            official=n % 5 == 0,
            description=f"What number {n} says of itself, in a sentence of a usual length. " * 2,
            stars=n * 7,
            views=count - n,
            last_release_at=now - timedelta(days=n),
        )
        for n in range(count)
    )
    reindex(Exporter.objects.all())
    Release.objects.bulk_create(
        Release(
            exporter=exporter,
            tag=f"v1.{n}.0",
            url=f"{exporter.repository}/releases/tag/v1.{n}.0",
            published_at=now - timedelta(days=n),
        )
        for n, exporter in enumerate(exporters)
    )
    ExporterContents.objects.bulk_create(
        [
            ExporterContents(
                source=source,
                directory=f"Number_{n:04}",
                exporter=exporter,
                iac=n % 3 == 0,
                iac_usable=n % 3 == 0,
                alerts=n % 2 == 0,
                alerts_usable=n % 4 == 0,
                dashboard=False,
                dashboard_usable=False,
            )
            for n, exporter in enumerate(exporters)
        ]
        + [
            ExporterContents(
                source=source, directory="Odd One", iac=True, alerts=False, dashboard=False
            )
        ]
    )
    publish()


def publish() -> None:
    """Publish the current rows as the snapshot of a run that has just finished."""
    now = timezone.now()
    source = configured_source().key
    run = RefreshRun.objects.create(
        source=source, trigger="command", status="published", deadline=now, finished_at=now
    )
    snapshot = Snapshot.objects.create(
        run=run, source=source, root_sha="a", contents_sha="b", complete=True, rules=1
    )
    with transaction.atomic():
        show_snapshot(locked_map(source), snapshot, now, read_rows(source))
