"""Tests of an exporter's page: tabs, queries, page views and unknown addresses."""

import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from itertools import chain
from pathlib import Path
from threading import Thread
from typing import Any

import html5lib
import nh3
import pytest
import requests
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.db.models.signals import post_delete
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from hub.demo.fake_github import Repository
from hub.demo.fake_github import faults as f
from hub.github.source import configured_source
from hub.models import (
    Category,
    Change,
    ContentBlob,
    DailyViews,
    Exporter,
    ExporterContents,
    Readme,
    Release,
    ServedContents,
)
from hub.packs.select import NotInPack
from hub.rendering import markdown
from hub.rendering.outdated import any_outdated
from hub.web.pages import packs
from tests.common import contents
from tests.common.rendering import render_all
from tests.common.waiting import wait_until
from tests.conftest import Hub

TABS = ("", "/iac", "/alerts", "/dashboards", "/releases", "/history")


def exporter(title: str, **fields: object) -> Exporter:
    category, _ = Category.objects.get_or_create(name="Database")
    slug = title.lower().replace(" ", "-")
    repository = f"https://github.com/tests/{slug}"
    return Exporter.objects.create(
        slug=slug, title=title, repository=repository, category=category, **fields
    )


def get(path: str, client: Client | None = None, *, status: int = 200) -> str:
    """Return the page, and check its HTML with a strict parser."""
    answer = (client or Client()).get(path)
    assert answer.status_code == status, answer.content
    page = answer.content.decode()
    html5lib.HTMLParser(strict=True).parse(page)
    return page


def text_of(page: str) -> str:
    """Return the visible text of the page on one line."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", page)).split())


def queries(path: str, client: Client) -> int:
    with CaptureQueriesContext(
        connection,
    ) as captured:
        get(path, client)
    return len(captured)


def release(of: Exporter, tag: str, days: int, **fields: object) -> Release:
    url = f"{of.repository}/releases/tag/{tag}"
    at = timezone.now() - timedelta(days=days)
    return Release.objects.create(exporter=of, tag=tag, url=url, published_at=at, **fields)


@pytest.fixture
def redis(hub: Hub) -> Hub:
    """Publish an exporter with two directories, one of them with versions."""
    exporter("Redis")
    hub.add_token()
    hub.write("Redis/Redis_alert.yaml", contents.alert("RedisDown"))
    hub.write("Redis/README.md", b"# Contents\n\n[the rules](Redis_alert.yaml)\n")
    hub.write("Redis_Exporter/nc/v1.9.0/Redis_dashboard.json", contents.dashboard("Old board"))
    hub.write("Redis_Exporter/nc/v1.10.0/Redis_dashboard.json", contents.dashboard("New board"))
    hub.write("Redis_Exporter/nc/v1.10.0/helm/Chart.yaml", contents.CHART)
    hub.write("Redis_Exporter/nc/v1.10.0/helm/values.yaml", contents.VALUES)
    hub.write(
        "Redis_Exporter/nc/v1.10.0/helm/templates/service.yaml", b"kind: {{ .Values.kind }}\n"
    )
    hub.write("Redis_Exporter/nc/v1.10.0/helm/icon.png", b"\x89PNG\r\n\x1a\n")
    hub.write("Redis_Exporter/nc/v1.10.0/It's a service.yaml", contents.MANIFEST)
    hub.refresh()
    return hub


@pytest.fixture
def admin(hub: Hub) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    return client


# --- the real contents ----------------------------------------------------------------------------


def test_the_real_contents_on_every_tab(hub: Hub, real_contents: Path) -> None:
    hub.github.repository = Repository.of_folder(real_contents)
    for title in ("Redis", "MySQL", "Kafka", "NGINX", "OpenStack", "Kubecost", "Collectd"):
        exporter(title)
    hub.add_token()
    hub.refresh()
    hub.github.requests.clear()
    for slug in Exporter.objects.values_list("slug", flat=True):
        for tab in TABS:
            client = Client()
            path = f"/exporters/{slug}{tab}"
            assert queries(path, client) <= 6
            assert 'aria-current="page"' in get(path, client)
    assert hub.github.requests == []
    broken = text_of(get("/exporters/redis/iac"))
    assert "Helm renders only a folder named templates" in broken
    assert "broken" in broken
    alerts = text_of(get("/exporters/mysql/alerts"))
    assert "MySQL_alert.yaml" in alerts
    board = text_of(get("/exporters/kafka/dashboards"))
    assert "v1.3.1" in board
    assert "Panels" in board
    assert '<svg class="preview"' in get("/exporters/kafka/dashboards")
    assert '<svg class="preview"' in get("/exporters/kafka")


def test_every_tab_is_compressed(redis: Hub) -> None:
    for tab in TABS:
        answer = Client().get(f"/exporters/redis{tab}", headers={"Accept-Encoding": "gzip"})
        assert answer["Content-Encoding"] == "gzip"


# --- the first tab, and texts ---------------------------------------------------------------------


def test_the_first_tab_leads_with_what_can_be_installed(redis: Hub) -> None:
    page = get("/exporters/redis")
    panel = page[page.index('id="hub.get"') : page.index('class="lead__texts"')]
    assert page.index('id="hub.get"') < page.index('class="readme"')
    shown = text_of(panel)
    assert "Helm usable nc/v1.10.0/It's a service.yaml and 1 more" in shown
    assert "Alerting rules usable Redis_alert.yaml Download" in shown
    assert len(re.findall("data-copy-url=", panel)) == 3
    assert "/exporters/redis/pack.yaml" in shown


def test_contents_that_were_removed_while_the_page_was_read(
    redis: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    def removed(_: object) -> None:
        raise NotInPack("Redis has no version 7.")

    monkeypatch.setattr(packs, "_pack", removed)
    assert "Redis has no version 7." in get("/exporters/redis/install", status=404)


def test_absent_content_says_how_to_add_it(redis: Hub, settings: Any) -> None:
    redis.write("Ceph/Ceph_alert.yaml", contents.alert("CephDown"))
    exporter("Ceph")
    exporter("Nothing Yet")
    redis.refresh()
    assert "Add a file to the folder contents/Ceph , for example dashboard.json" in text_of(
        get("/exporters/ceph")
    )
    settings.GITHUB_API_URL = "https://github.example.org/api/v3"
    ExporterContents.objects.update(source=configured_source().key)
    ServedContents.objects.update(source=configured_source().key)
    page = unescape(get("/exporters/ceph"))
    folder = configured_source().page_of("", "new")
    assert folder.startswith("https://github.example.org/")
    assert f"{folder}/Ceph?filename=dashboard.json" in page
    assert f"{folder}/Ceph?filename=dashboard.json" in unescape(get("/exporters/ceph/dashboards"))
    page = unescape(get("/exporters/nothing-yet"))
    assert f"{folder}?filename=Nothing+Yet%2Falert-rules.yaml" in page


def test_texts_are_shown_below_their_content(redis: Hub) -> None:
    redis.write("Redis/Redis_alert.md", b"# What to do\n\n| RedisDown | Start it. |\n|-|-|\n")
    redis.write("Redis/Redis_alert.csv", b"alert,meaning\nRedisDown,it does not answer\n")
    redis.write("Redis/Redis_helm.md", b"The chart needs *Redis 7*.\n")
    redis.write("Redis_Exporter/nc/v1.10.0/Redis_dashboard.md", b"Shows *memory*.\n")
    redis.refresh()
    render_all()
    alerts = get("/exporters/redis/alerts")
    assert '<a href="#runbook.RedisDown">What to do' in alerts
    assert alerts.index("</table>") < alerts.index('<span id="runbook.RedisDown">RedisDown</span>')
    assert '<th scope="col">meaning</th>' in alerts
    assert "<td>it does not answer</td>" in alerts
    assert "<em>Redis 7</em>" in get("/exporters/redis/iac")
    assert "<em>memory</em>" in get("/exporters/redis/dashboards")
    assert "<em>memory</em>" not in get("/exporters/redis/dashboards?version=v1.9.0")


# --- the head -------------------------------------------------------------------------------------


def test_the_header_describes_the_project(redis: Hub) -> None:
    Exporter.objects.update(
        official=True,
        archived=True,
        stars=3400,
        description="Keys & memory",
        renamed_to="https://github.com/tests/valkey",
        last_release_at=timezone.now() - timedelta(days=3),
    )
    page = get("/exporters/redis")
    text = text_of(page)
    for said in ("official", "archived", "3,400 stars", "Keys & memory", "renamed to"):
        assert said in text
    assert "Alerting rules: usable" in text
    assert 'src="/exporters/redis/logo"' not in page
    assert "Redis_Exporter" in text
    Exporter.objects.update(logo_type="image/png", logo_version="1")
    assert 'src="/exporters/redis/logo?v=1" alt=""' in get("/exporters/redis")


def test_a_stale_directory_shows_its_age_and_the_reason(redis: Hub) -> None:
    redis.break_files(f.server_error())
    redis.write("Redis/Redis_alert.yaml", contents.alert("Other"))
    redis.refresh()
    text = text_of(get("/exporters/redis/alerts"))
    assert "Redis is stale, as of" in text
    assert "GitHub responded with a server error" in text
    assert "RedisDown" in text


def test_nothing_is_missing_before_the_first_snapshot(db: None) -> None:
    exporter("Redis")
    for tab in ("/iac", "/alerts", "/dashboards"):
        text = text_of(get(f"/exporters/redis{tab}"))
        assert "has not read any contents yet" in text
        assert "Alerting rules: unknown" in text
    assert "has not fetched it from GitHub yet" in text_of(get("/exporters/redis"))


def test_an_exporter_without_a_directory_explains_how_to_add_one(redis: Hub) -> None:
    exporter("MySQL")
    text = text_of(get("/exporters/mysql/alerts"))
    assert "MySQL has no directory yet" in text
    assert "tests/exporters" in text


# --- hands-on -------------------------------------------------------------------------------------


def test_the_projects_readme_or_those_in_its_directories(redis: Hub) -> None:
    # The worker's rendering has ended, so it does not render the README below.
    wait_until(lambda: not any_outdated(), "the README to be rendered")
    own = text_of(get("/exporters/redis"))
    assert "Redis/README.md" in own
    of = Exporter.objects.get()
    of.default_branch = "master"
    of.save()
    text = "# Redis\n\n[options](docs/o.md) ![a](b.png) <script>window.hacked=1</script>"
    Readme.objects.create(exporter=of, path=".github/README.md", sha="0" * 40, text=text)
    plain = get("/exporters/redis")
    assert "[options](docs/o.md) ![a](b.png) &lt;script&gt;" in plain
    render_all()
    page = get("/exporters/redis")
    assert "https://github.com/tests/redis/blob/master/.github/docs/o.md" in page
    assert "image: a" in page
    assert "<script>" not in page
    assert "Redis/README.md" not in page


def test_a_readers_request_renders_nothing(redis: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    def render(*_: object) -> str:
        raise AssertionError("rendered in a request")

    monkeypatch.setattr(markdown.MarkdownIt, "render", render)
    monkeypatch.setattr(nh3, "clean", render)
    of = Exporter.objects.get()
    get("/exporters/redis")  # the README of the directory
    Readme.objects.create(exporter=of, path="README.md", sha="0" * 40, text="![" * 1_000)
    for number in range(10):
        release(of, f"v{number}", number, body="![" * 1_000)
    for path in ("/exporters/redis", "/exporters/redis/releases"):
        assert "![![" in get(path)


def test_the_readme_of_a_directory_is_rendered_by_a_worker(redis: Hub) -> None:
    wait_until(lambda: not any_outdated(), "the README to be rendered")
    assert "Contents</h3>" in get("/exporters/redis")
    assert "[the rules]" not in get("/exporters/redis")


# --- Helm -----------------------------------------------------------------------------------------


def test_charts_and_manifests(redis: Hub) -> None:
    page = get("/exporters/redis/iac")
    text = text_of(page)
    assert "Helm chart tests" in text
    assert "replicaCount" in text
    assert "Service tests" in text
    assert "kubectl apply -f 'It'\"'\"'s a service.yaml'" in text
    assert 'id="L1"' in page
    shown = get("/exporters/redis/iac?file=Redis_Exporter/nc/v1.10.0/helm/values.yaml")
    assert "replicaCount : 1" in text_of(shown)
    assert "helm/templates/service.yaml" in shown
    not_stored = "/exporters/redis/iac?file=Redis_Exporter/nc/v1.10.0/helm/icon.png"
    assert "has no copy" in text_of(get(not_stored))
    missing = text_of(get("/exporters/redis/iac?file=Redis/none", status=404))
    assert "File not found: Redis/none" in missing


def test_a_chart_is_installed_from_github(redis: Hub, settings: Any) -> None:
    settings.GITHUB_API_URL = "https://api.github.com"
    ExporterContents.objects.update(source="api.github.com/tests/exporters@main:contents")
    text = text_of(get("/exporters/redis/iac"))
    assert "git clone --depth 1 --branch main https://github.com/tests/exporters.git" in text
    assert "helm install redis ./exporters/contents/Redis_Exporter/nc/v1.10.0/helm" in text
    assert "Edit on GitHub" in text


def test_the_commands_download_the_file(redis: Hub, live_server: object) -> None:
    page = text_of(requests.get(f"{live_server}/exporters/redis/alerts", timeout=10).text)
    found = re.search(r"curl -fsSL -o Redis_alert.yaml '([^']+)'", page)
    assert found
    assert requests.get(found[1], timeout=10).content == contents.alert("RedisDown")


# --- alerting rules -------------------------------------------------------------------------------


def test_alerts_as_a_table_with_their_rules(redis: Hub) -> None:
    page = get("/exporters/redis/alerts")
    text = text_of(page)
    for said in (
        "RedisDown",
        "warning",
        "it is down",
        "immediately",
        "promtool check rules",
        "usable",
    ):
        assert said in text
    assert 'href="#L4"' in page
    assert 'class="line" id="L4"' in page
    rule = re.search(r'<code id="rule-1-1">(.*?)</code>', page, re.S)
    assert rule
    assert unescape(rule[1]).split("\n") == [
        "- alert: RedisDown",
        "  expr: up == 0",
        "  labels:",
        "    severity: warning",
        "  annotations:",
        "    summary: it is down",
    ]


def test_many_alerts_are_on_several_pages(redis: Hub) -> None:
    rules = b"".join(b"  - alert: Rule%d\n    expr: up == %d\n" % (n, n) for n in range(120))
    redis.write("Redis/more_alerts.yaml", b"groups:\n- name: many\n  rules:\n" + rules)
    redis.refresh()
    pages = [get(f"/exporters/redis/alerts?page={number}") for number in (1, 2, 3)]
    names = [re.findall(r'<th scope="row"><a[^>]*><bdi>(\w+)', page) for page in pages]
    assert [len(found) for found in names] == [50, 50, 21]
    assert names[0][:2] == ["RedisDown", "Rule0"]
    assert len(set(chain(*names))) == 121
    assert "Alerts 50 to 99 of 120 in more_alerts.yaml" in pages[1]
    assert "120 alerts." in text_of(pages[1])
    assert 'href="?page=3"' in pages[1]
    assert "Alerts in Redis_alert.yaml" in pages[0]  # all of its alerts
    get("/exporters/redis/alerts?page=4", status=404)
    first = get("/exporters/redis/alerts?page=x")
    assert re.findall(r'<th scope="row"><a[^>]*><bdi>(\w+)', first) == names[0]


def test_many_files_are_on_several_pages(redis: Hub) -> None:
    for number in range(25):
        redis.write(f"Redis/more/board-{number:02}.json", contents.dashboard(f"Board {number:02}"))
        redis.write(f"Redis/more/service-{number:02}.yaml", contents.MANIFEST + b"#%d" % number)
    redis.refresh()
    boards = [
        re.findall(r"<h4><bdi>(.*?)</bdi>", get(f"/exporters/redis/dashboards?page={number}"))
        for number in (1, 2, 3)
    ]
    assert [len(found) for found in boards] == [10, 10, 6]
    assert len(set(chain(*boards))) == 26
    manifests = [
        len(re.findall(r"Kubernetes manifest", get(f"/exporters/redis/iac?page={number}")))
        for number in (1, 2)
    ]
    assert sum(manifests) == 26
    assert "Helm chart" in get("/exporters/redis/iac")  # charts come first
    page = get("/exporters/redis/iac?page=2&version=v1.9.0")
    assert 'href="?version=v1.9.0&amp;page=1"' in page


def test_a_page_shows_a_limited_amount_of_code(redis: Hub) -> None:
    for number in range(5):
        alert = contents.alert(f"Rule{number}") + b"# a long comment\n" * 6_000
        redis.write(f"Redis/long-{number}.yaml", alert)
    redis.refresh()
    page = get("/exporters/redis/alerts")
    assert page.count("# a long comment") < 3 * 6_000
    assert page.count("too much code to show it all") == 3
    assert len(page) < 3_000_000


def test_findings_are_shown_beside_the_line(redis: Hub) -> None:
    redis.write("Redis/Redis_alert.yaml", contents.alert("RedisDown", "up =="))
    redis.refresh()
    page = get("/exporters/redis/alerts")
    assert "error line 5 : alert 'RedisDown': the expression is not valid" in text_of(page)
    assert 'class="line line--error" id="L5"' in page
    assert "broken" in text_of(page)


def test_the_versions_that_a_file_needs(redis: Hub) -> None:
    rules = contents.alert("RedisDown", "sgn(up) == 0") + b"    keep_firing_for: 5m\n"
    redis.write("Redis/Redis_alert.yaml", rules)
    ingress = b"apiVersion: extensions/v1beta1\nkind: Ingress\nmetadata: {name: a}\n"
    redis.write("Redis/ingress.yaml", ingress)
    redis.refresh()
    alerts = text_of(get("/exporters/redis/alerts"))
    assert "usable needs Prometheus ≥ 2.42" in alerts
    assert "note line 10 : keep_firing_for needs Prometheus 2.42 or newer" in alerts
    assert "needs Grafana ≥ 7.4" in text_of(get("/exporters/redis/dashboards"))
    assert "usable needs Kubernetes < 1.22" in text_of(get("/exporters/redis/iac"))
    findings = Client().get("/api/v1/contents/Redis").json()["findings"]
    needs = {finding["needs"] for finding in findings}
    assert needs == {"Prometheus >= 2.42", "Kubernetes < 1.22"}


def test_a_broken_file_is_not_offered_for_use(redis: Hub) -> None:
    resource = b"apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nspec:\n  "
    broken = contents.alert("RedisDown", "up ==")
    redis.write("Redis/Redis_alert.yaml", broken)
    redis.write("Redis/rule.yaml", resource + broken.replace(b"\n", b"\n  "))
    redis.write("Redis/board.json", contents.dashboard("") + b" ")
    redis.refresh()
    alerts, boards = get("/exporters/redis/alerts"), get("/exporters/redis/dashboards")
    sections = re.findall(r"<section class=\"piece\".*?</section>", alerts + boards, re.DOTALL)
    pieces = [text_of(section) for section in sections]
    broken_pieces = [piece for piece in pieces if re.search(r"Redis/\S+ broken ", piece)]
    assert len(broken_pieces) == 3
    for word in ("unchanged", "usable", "kubectl", "Import"):
        assert [piece for piece in broken_pieces if word in piece] == []
    assert "Not usable: what is wrong with Redis_alert.yaml" in text_of(get("/exporters/redis"))


# --- dashboards -----------------------------------------------------------------------------------


def test_panels_of_the_newest_version_and_of_another(redis: Hub) -> None:
    newest = text_of(get("/exporters/redis/dashboards"))
    assert "New board" in newest
    assert "Old board" not in newest
    assert "timeseries" in newest
    assert "/api/dashboards/import" in newest
    older = get("/exporters/redis/dashboards?version=v1.9.0")
    assert "Old board" in older
    assert "New board" not in older
    assert "/exporters/redis/alerts?version=v1.9.0" in older
    # files outside of any version belong to all versions
    assert "RedisDown" in get("/exporters/redis/alerts?version=v1.9.0")


# --- releases and history -------------------------------------------------------------------------


def test_pages_of_releases(redis: Hub) -> None:
    of = Exporter.objects.get()
    release(of, "v2.0.0-rc1", 1, prerelease=True, body="* **Fix** <script>window.hacked=1</script>")
    release(of, "v1.9.9", 2, name="Nine", body="")
    for number in range(10):
        release(of, f"v1.{number}", 10 + number)
    render_all()
    page = get("/exporters/redis/releases")
    text = text_of(page)
    assert "pre-release" in text
    assert "Nine" in text
    assert "No release notes." in text
    assert "window.hacked" not in page
    assert "v1.7" in text
    assert "v1.9 " not in text
    assert "v1.9 " in text_of(get("/exporters/redis/releases?page=2"))
    for odd in ("x", "-1", "0", "9" * 30, "²"):
        get(f"/exporters/redis/releases?page={odd}")


def test_the_history_by_days(redis: Hub, admin: Client) -> None:
    assert "No changes yet" in text_of(get("/exporters/redis/history"))
    redis.write("Redis/Redis_dashboard.json", contents.dashboard())
    redis.write("Redis/Redis_alert.yaml", contents.alert(expr="up =="))
    run = redis.refresh()
    page = get("/exporters/redis/history")
    text = text_of(page)
    assert "Redis gained Grafana dashboard" in text
    assert "Redis: alerting rules now broken" in text
    assert f"a push, run {run.pk}" in text
    assert f"{timezone.now():%Y}" in text
    assert f"/admin/hub/refreshrun/{run.pk}/change/" not in page
    assert f"/admin/hub/refreshrun/{run.pk}/change/" in get("/exporters/redis/history", admin)
    Change.objects.update(run=None)  # as once the run has been deleted (`HUB_HISTORY_DAYS`)
    assert "run None" not in text_of(get("/exporters/redis/history", admin))
    one = Change.objects.first()
    assert one
    rows = [Change(**{**_fields(one), "at": timezone.now()}) for _ in range(60)]
    Change.objects.bulk_create(rows)
    first = get("/exporters/redis/history")
    older = re.search(r'href="\?before=(\d+)"', first)
    assert older
    rest = get(f"/exporters/redis/history?before={older[1]}")
    assert first.count('class="change ') + rest.count('class="change ') == 62
    get("/exporters/redis/history?before=x")


def _fields(change: Change) -> dict[str, object]:
    names = ("run_id", "source", "directory", "exporter_id", "kind", "what", "cause")
    return {name: getattr(change, name) for name in names}


# --- what is not there ----------------------------------------------------------------------------


def test_an_unknown_exporter_suggests_similar_names(redis: Hub) -> None:
    exporter("RabbitMQ")
    for tab in TABS:
        page = get(f"/exporters/rediss{tab}", status=404)
        assert 'href="/exporters/redis"' in page
        assert "rabbitmq" not in page
    get("/exporters/zzzzzz", status=404)


def test_an_unknown_version_lists_the_existing_versions(redis: Hub) -> None:
    page = get("/exporters/redis/dashboards?version=v9", status=404)
    assert 'href="/exporters/redis/dashboards?version=v1.10.0"' in page
    exporter("MySQL")
    get("/exporters/mysql?version=v9", status=404)


def test_only_get_and_head_are_allowed(redis: Hub) -> None:
    assert Client().post("/exporters/redis").status_code == 405
    assert Client().head("/exporters/redis/alerts").status_code == 200


# --- rights and queries ---------------------------------------------------------------------------


def test_an_admin_sees_a_link_to_the_edit_form(redis: Hub, admin: Client) -> None:
    form = "/admin/hub/contentedit/add/?directory=Redis&amp;path=Redis_alert.yaml"
    assert form in get("/exporters/redis/alerts", admin)
    assert form not in get("/exporters/redis/alerts")
    edited = admin.get(unescape(form)).content.decode()
    assert "RedisDown" in edited


def test_number_of_queries(redis: Hub, admin: Client) -> None:
    release(Exporter.objects.get(), "v1", 1)
    paths = [f"/exporters/redis{tab}" for tab in TABS]
    paths.append("/exporters/redis/iac?file=Redis_Exporter/nc/v1.10.0/helm/values.yaml")
    for path in paths:
        assert queries(path, Client()) <= 7, path
        assert queries(path, admin) <= 8, path


# --- views ----------------------------------------------------------------------------------------


def views() -> tuple[int, int]:
    daily = DailyViews.objects.values_list("views", flat=True).first() or 0
    return Exporter.objects.values_list("views", flat=True).get(), daily


def test_a_page_view_is_counted_once(redis: Hub) -> None:
    get("/exporters/redis")
    get("/exporters/redis")
    assert views() == (2, 2)
    assert DailyViews.objects.get().day == timezone.now().date()


def test_requests_that_are_not_counted(redis: Hub, admin: Client) -> None:
    client = Client()
    client.head("/exporters/redis")
    client.get("/exporters/redis/alerts")
    client.get("/exporters/redis", headers={"Sec-Purpose": "prefetch;prerender"})
    for agent in ("Googlebot/2.1", "curl/8.5.0", "python-requests/2.32", "AhrefsBot"):
        client.get("/exporters/redis", headers={"User-Agent": agent})
    admin.get("/exporters/redis")
    assert views() == (0, 0)
    client.get("/exporters/redis", headers={"User-Agent": "Mozilla/5.0 (X11; Linux) Firefox/140"})
    assert views() == (1, 1)


def in_threads(work: Callable[[], object], number: int) -> None:
    def run() -> None:
        try:
            work()
        finally:
            connection.close()

    threads = [Thread(target=run) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_concurrent_readers_are_all_counted(redis: Hub) -> None:
    in_threads(lambda: Client().get("/exporters/redis"), 8)
    assert views() == (8, 8)


def test_a_page_does_not_wait_for_the_count(redis: Hub) -> None:
    answers: list[int] = []

    def open_page() -> None:
        answers.append(Client().get("/exporters/redis").status_code)
        answers.append(Client().get("/exporters/redis/alerts").status_code)

    with transaction.atomic():
        Exporter.objects.select_for_update().get()
        in_threads(open_page, 1)
        wait_until(lambda: len(answers) == 2, "the page", seconds=10)
    assert answers == [200, 200]
    assert views() == (0, 0)


@pytest.mark.parametrize("delete", [Exporter.delete, lambda one: Exporter.objects.all().delete()])
def test_an_exporter_can_be_deleted_while_readers_open_its_page(
    redis: Hub, delete: Callable[[Exporter], object]
) -> None:
    one = Exporter.objects.get()
    Readme.objects.create(exporter=one, path="README.md", sha="0" * 40, text="# Redis")
    opened: list[int] = []

    def open_page(**_: object) -> None:
        """Open the page after the views were deleted, and before the exporter is."""
        in_threads(lambda: opened.append(Client().get("/exporters/redis").status_code), 2)

    post_delete.connect(open_page, sender=Readme)
    try:
        delete(one)
    finally:
        post_delete.disconnect(open_page, sender=Readme)
    assert opened == [200, 200]
    assert not Exporter.objects.exists()
    assert not DailyViews.objects.exists()


# --- oddities of stored contents ------------------------------------------------------------------


def test_files_that_are_not_stored(redis: Hub) -> None:
    ContentBlob.objects.all().delete()
    for tab in TABS:
        get(f"/exporters/redis{tab}")
    assert "has no copy" in text_of(get("/exporters/redis/alerts"))


def test_raw_is_displayed_as_text_and_a_download_is_saved(redis: Hub) -> None:
    page = get("/exporters/redis/alerts")
    raw, download = (
        unescape(found) for found in re.findall(r'href="(/api/v1/files/[^"]+)"', page)[:2]
    )
    shown = Client().get(raw)
    assert shown["Content-Type"] == "text/plain; charset=utf-8"
    assert shown["Content-Disposition"].startswith("inline")
    assert shown["X-Content-Type-Options"] == "nosniff"
    assert Client().get(download)["Content-Disposition"].startswith("attachment")
