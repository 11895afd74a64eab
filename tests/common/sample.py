"""Fill a hub with the sample contents and the catalogue that ships with it, by real workers."""

from datetime import timedelta
from io import StringIO

from django.core.management import call_command
from django.utils import timezone

from hub.demo.fake_github import Repository
from hub.models import Exporter, Picture, Readme, Release, RunStatus
from tests.common import contents, tables
from tests.common.processes import ROOT
from tests.common.rendering import render_all
from tests.common.waiting import wait_until
from tests.conftest import Hub

SAMPLE = ROOT / "hub" / "demo" / "sample"

_copies: list[dict[str, bytes]] = []


def fill(hub: Hub) -> None:
    """Fill the hub: the first time with real workers, then from a copy of the tables."""
    hub.github.repository = Repository.of_folder(SAMPLE)
    for version, name in (("v1.0.0", "RedisOfLongAgo"), ("v1.1.0", "RedisOfToday")):
        hub.write(f"Redis/{version}/Redis_alert.yaml", contents.alert(name, "redis_up == 0"))
    # A directory without an exporter: the catalogue has SQL, which is another software.
    hub.write("sql-server/mssql_alerts.yml", contents.alert("MssqlDown", "mssql_up == 0"))
    hub.write(
        "sql-server/mssql_dashboard.json", b'{"title": "SQL", "panels": [], "schemaVersion": 39}'
    )
    if _copies:
        tables.restore(_copies[0])
    else:
        call_command("importcatalogue", stdout=StringIO())
        _facts()
        hub.add_token()
        assert hub.refresh().status == RunStatus.PUBLISHED
        render_all()
        wait_until(lambda: Picture.objects.shown().count() == 2, "the pictures")
        _copies.append(tables.copy_out())
    hub.github.requests.clear()


def _facts() -> None:
    """Store facts of two repositories: stars, a README and releases."""
    now = timezone.now()
    for slug, stars in (("redis", 3400), ("kafka", 2300)):
        exporter = Exporter.objects.get(slug=slug)
        exporter.stars, exporter.default_branch, exporter.facts_at = stars, "master", now
        exporter.last_release_at = now - timedelta(days=3)
        exporter.save()
        text = f"# {exporter.title}\n\nPrometheus exporter. See [the options](docs/options.md).\n"
        Readme.objects.create(exporter=exporter, path="README.md", sha="0" * 40, text=text)
        for days, tag in ((3, "v1.80.0"), (90, "v1.79.0")):
            Release.objects.create(
                exporter=exporter,
                tag=tag,
                name=f"Release {tag}",
                body="* Fixes",
                url=f"{exporter.repository}/releases/tag/{tag}",
                published_at=now - timedelta(days=days),
            )
