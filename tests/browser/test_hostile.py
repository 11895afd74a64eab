"""Browser tests with hostile repositories: none of their content may run, load or cover."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from django.utils import timezone
from playwright.sync_api import Browser, BrowserContext, Page, Request

from hub.github.source import configured_source
from hub.models import Category, DirectoryOwner, Exporter, Readme, Release
from tests.common import contents
from tests.common.hostile import payloads
from tests.common.processes import Process
from tests.common.rendering import render_all
from tests.conftest import Hub

# Runs in every page before its scripts: a payload that opens a dialog is recorded.
WATCH = "window.alert = window.confirm = window.prompt = () => { window.hacked = 'dialog'; };"
# Finds elements that leave the page's layout, cover the header or are wider than the window.
COVERING = """() => {
  const odd = [];
  for (const element of [...document.querySelectorAll('main *')].slice(0, 3000)) {
    const style = getComputedStyle(element);
    const placed = !['static', 'relative'].includes(style.position);
    const own = element.matches('.sr, .sprite') && !element.closest('.prose, .code');
    if (placed && !own) odd.push(element.outerHTML.slice(0, 200));
  }
  const brand = document.querySelector('.brand').getBoundingClientRect();
  const top = document.elementFromPoint(brand.x + 5, brand.y + brand.height / 2);
  if (!top || !top.closest('.brand')) odd.push('the header is covered');
  if (document.documentElement.scrollWidth > innerWidth) odd.push('wider than the window');
  return odd;
}"""
# The schemes of all links, as the browser parses them.
SCHEMES = "() => [...new Set([...document.links].map(link => link.protocol))]"
CLICK_ALL = """async () => {
  for (const link of [...document.querySelectorAll('.prose a[href]')].slice(0, 30)) {
    link.click();
    await new Promise(done => setTimeout(done));
  }
}"""


@dataclass
class Watched:
    """A page, and the forbidden events in it."""

    page: Page
    origin: str
    odd: list[str] = field(default_factory=list)
    navigated: list[str] = field(default_factory=list)

    def request(self, route: Any, request: Request) -> None:
        """Let requests to the hub pass; record and block requests to other hosts."""
        if request.url.startswith((self.origin, "data:")):
            if request.is_navigation_request():
                self.navigated.clear()  # discard pending requests of the previous page
            route.continue_()
            return
        noted = self.navigated if request.is_navigation_request() else self.odd
        noted.append(request.url)
        route.fulfill(status=204)  # the browser stays on the page

    def open(self, path: str) -> None:
        """Open a page and run the checks for all pages."""
        response = self.page.goto(self.origin + path)
        assert response is not None
        assert response.status == 200
        assert "script-src 'self'" in response.headers["content-security-policy"]
        assert self.navigated == [], "the page navigated to another host"
        assert self.page.evaluate(COVERING) == []
        schemes = set(self.page.evaluate(SCHEMES))
        assert schemes <= {"http:", "https:", "mailto:"}
        self.still()

    def still(self) -> None:
        """Assert that no script ran and no request went to another host."""
        assert self.page.evaluate("window.hacked") is None
        assert self.odd == []

    def click_all(self) -> None:
        """Click all links of the text. Each must lead to a web page or to an anchor."""
        here = self.page.url.partition("#")[0]
        self.page.evaluate(CLICK_ALL)
        assert self.page.url.partition("#")[0] == here
        assert all(urlsplit(url).scheme in ("http", "https") for url in self.navigated)
        self.navigated.clear()
        self.still()


@pytest.fixture(scope="module")
def context(chromium: Browser) -> Iterator[BrowserContext]:
    """Create a browser context for all tests of this module."""
    context = chromium.new_context()
    context.add_init_script(WATCH)
    yield context
    context.close()


@pytest.fixture
def watched(context: BrowserContext, hub: Hub, server: Process, port: int) -> Iterator[Watched]:
    """Open a page and record its forbidden events."""
    page = context.new_page()
    watched = Watched(page, f"http://127.0.0.1:{port}")
    page.on("dialog", lambda dialog: (watched.odd.append(dialog.message), dialog.dismiss()))
    page.on("popup", lambda popup: watched.odd.append(f"popup {popup.url}"))
    page.on("download", lambda download: watched.odd.append(f"download {download.url}"))
    page.on("pageerror", lambda error: watched.odd.append(str(error)))
    # Chromium logs violations of the policy: nothing may even attempt one.
    page.on("console", lambda said: watched.odd.append(said.text) if _policy(said.text) else None)
    page.route("**/*", watched.request)
    yield watched
    page.close()


def _policy(text: str) -> bool:
    return "Content Security Policy" in text or "Refused" in text


@pytest.fixture
def victim(hub: Hub) -> Exporter:
    """Create the exporter with the hostile repository."""
    category = Category.objects.create(name="<script>window.hacked=1</script>")
    return Exporter.objects.create(
        slug="victim",
        title='"><img src=x onerror=window.hacked=1>',
        description="<svg onload=window.hacked=1>",
        repository="https://github.com/tests/victim",
        category=category,
        default_branch='"><script>window.hacked=1</script>',
    )


def short(*themes: str) -> dict[str, str]:
    """Return the payloads that fit into a name."""
    return {
        name: text
        for name, text in payloads(nesting=False).items()
        if len(text.encode()) < 180 and (not themes or name.partition(":")[0] in themes)
    }


def test_as_readme(watched: Watched, victim: Exporter) -> None:
    nested = ("nesting: divs", "nesting: quotes", "nesting: tables")
    # Every tenth payload: test_as_release covers all of them, ten on each page.
    some = dict(islice(payloads(nesting=False).items(), None, None, 10))
    texts = some | {name: payloads()[name] for name in nested}
    title = victim.title
    # An exporter for each text, so that one process renders all of them.
    for number, text in enumerate(texts.values()):
        victim.pk, victim.slug = None, f"victim-{number}"
        victim.title = f"{title} {number}"
        victim.repository = f"https://github.com/tests/victim-{number}"
        victim.save(force_insert=True)
        # Postgres does not accept NUL.
        Readme.objects.create(
            exporter=victim, path="README.md", sha="0" * 40, text=text.replace("\0", "")
        )
    render_all()
    for number, name in enumerate(texts):
        try:
            watched.open(f"/exporters/victim-{number}")
            watched.click_all()
        except AssertionError as fault:
            raise AssertionError(name) from fault


def test_as_release(watched: Watched, victim: Exporter) -> None:
    for text in payloads(nesting=False).values():
        body = text.replace("\0", "")
        Release.objects.create(
            exporter=victim,
            tag=body[:150] + str(Release.objects.count()),
            name=body[:300],
            body=body,
            url="https://github.com/tests/victim/releases",
            published_at=timezone.now(),
        )
    render_all()
    for number in range(1, Release.objects.count() // 10 + 2):
        watched.open(f"/exporters/victim/releases?page={number}")
        watched.click_all()


def test_in_rules_and_dashboards(watched: Watched, victim: Exporter, hub: Hub) -> None:
    texts = list(payloads(nesting=False).values())
    rules = [
        {
            "alert": text,
            "expr": text,
            "for": text[:50],
            "labels": {"severity": text[:50]},
            "annotations": {"summary": text},
        }
        for text in texts
    ]
    groups = [{"name": text, "rules": [rule]} for text, rule in zip(texts, rules, strict=True)]
    hub.write("victim/alerts.yaml", yaml.safe_dump({"groups": groups}).encode())
    panels = [{"type": text, "title": text, "targets": [{"expr": text}]} for text in texts]
    variables = [{"name": text, "type": text} for text in texts]
    board = {
        "title": texts[0],
        "schemaVersion": 39,
        "panels": [{"type": "row", "title": texts[1]}, *panels],
        "templating": {"list": variables},
        "__requires": [{"type": "grafana", "version": texts[2]}],
    }
    hub.write("victim/dashboard.json", json.dumps(board).encode())
    hub.add_token()
    hub.refresh()
    for tab in ("alerts", "dashboards", "iac?file=victim/alerts.yaml", "iac"):
        watched.open(f"/exporters/victim/{tab}")
    assert watched.page.locator(".files li").count() == 2


def test_in_charts_and_names(watched: Watched, victim: Exporter, hub: Hub) -> None:
    source = configured_source().key
    for number, text in enumerate(short("scripts", "mutation", "links", "unicode").values()):
        name = text.replace("/", "\u2215").replace("\0", "").strip() + str(number)
        chart = {"apiVersion": "v2", "name": text, "version": text, "description": text}
        chart["dependencies"] = [{"name": text}]
        hub.write(f"{name}/helm/Chart.yaml", yaml.safe_dump(chart).encode())
        hub.write(f"{name}/{name}_alert.yaml", contents.alert(f"Alert{number}"))
        hub.write(f"{name}/{name}.json", contents.dashboard(text))
        hub.write(f"{name}/{name}_readme.md", text.encode())
        DirectoryOwner.objects.create(source=source, directory=name, exporter=victim)
    hub.add_token()
    hub.refresh()
    render_all()
    for tab in ("", "/iac", "/alerts", "/dashboards", "/history"):
        watched.open(f"/exporters/victim{tab}")
    assert watched.page.get_by_role("heading", level=1).count() == 1
