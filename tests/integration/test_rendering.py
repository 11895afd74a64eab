"""READMEs and release notes are rendered by a worker: after they are stored, once, with limits."""

from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from django.test import Client
from django.utils import timezone

from hub.models import Category, ContentBlob, ContentTree, Exporter, Readme, Release
from hub.rendering import outdated
from hub.rendering.markdown import VERSION
from hub.rendering.outdated import any_outdated, render_outdated
from hub.rendering.process import Renderer
from tests.common.waiting import wait_until
from tests.conftest import Hub
from tests.integration.test_facts import repository

# Its HTML would have 240 MB, so it exceeds one of the limits on every machine.
BOMB = f"[a]: https://example.org/{'y' * 30_000}\n\n" + "[a] " * 8_000


@pytest.fixture
def redis(db: None) -> Exporter:
    return Exporter.objects.create(
        slug="redis",
        title="Redis",
        repository="https://github.com/tests/redis",
        category=Category.objects.create(name="Database"),
    )


def readme(of: Exporter, text: str, **fields: Any) -> Readme:
    return Readme.objects.create(exporter=of, path="README.md", sha="0" * 40, text=text, **fields)


def release(of: Exporter, tag: str, body: str) -> Release:
    url = f"{of.repository}/releases/tag/{tag}"
    return Release.objects.create(
        exporter=of, tag=tag, body=body, url=url, published_at=timezone.now()
    )


def get(path: str) -> str:
    return Client().get(path).content.decode()


def test_workers_render_what_a_facts_run_stores(hub: Hub, redis: Exporter) -> None:
    hub.add_token()
    notes = [
        {"tag": f"v{number}", "published_at": "2026-02-01T10:00:00Z", "body": body}
        for number, body in enumerate(["**First**", BOMB])
    ]
    hub.github.add_other(repository(readme=b"# One\n\n[x](docs/x.md)", releases=notes))
    hub.refresh_facts()
    wait_until(lambda: not any_outdated(), "the texts to be rendered")
    assert '<h3 id="readme-one">One</h3>' in get("/exporters/redis")
    assert 'href="https://github.com/tests/redis/blob/main/docs/x.md"' in get("/exporters/redis")
    page = get("/exporters/redis/releases")
    assert "<strong>First</strong>" in page
    assert '<pre tabindex="0">[a]: https://example.org' in page

    hub.github.add_other(repository(readme=b"# Two\n", releases=notes))
    hub.refresh_facts()
    wait_until(lambda: not any_outdated(), "the changed text to be rendered")
    assert '<h3 id="readme-two">Two</h3>' in get("/exporters/redis")


def test_outdated_texts_are_rendered_again(redis: Exporter) -> None:
    old = readme(redis, "# New", html_parts=["<p>old</p>"], renderer=VERSION - 1)
    assert "<p>old</p>" not in get("/exporters/redis")
    assert any_outdated()
    render_outdated(60)
    assert not any_outdated()
    old.refresh_from_db()
    assert old.html_parts == ['<h3 id="readme-new">New</h3>\n']
    assert old.renderer == VERSION


def test_one_malicious_text_does_not_affect_the_others(redis: Exporter) -> None:
    readme(redis, BOMB)
    fast = release(redis, "v1", "# Notes")
    render_outdated(60)
    assert not any_outdated()
    assert Readme.objects.get().html_parts is None
    fast.refresh_from_db()
    assert fast.html_parts == [f'<h4 id="release-{fast.pk}-notes">Notes</h4>\n']


def test_a_text_that_changes_meanwhile_is_rendered_again(
    redis: Exporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    readme(redis, "# One")
    render = Renderer.render

    def change(self: Renderer, text: str, *options: Any) -> Any:
        if text == "# One":
            Readme.objects.update(text="# Two")
        return render(self, text, *options)

    monkeypatch.setattr(Renderer, "render", change)
    render_outdated(60)
    assert Readme.objects.get().html_parts == ['<h3 id="readme-two">Two</h3>\n']


@pytest.mark.django_db(transaction=True)
def test_each_text_is_rendered_once(redis: Exporter, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(20):
        release(redis, f"v{number}", f"notes {number}")
    rendered: list[str] = []
    render = Renderer.render

    def note(self: Renderer, text: str, *options: Any) -> Any:
        rendered.append(text)
        return render(self, text, *options)

    def work(_: int) -> None:
        try:
            render_outdated(60)
        finally:
            connection.close()

    monkeypatch.setattr(Renderer, "render", note)
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(work, range(4)))
    assert sorted(rendered) == sorted(f"notes {number}" for number in range(20))


def test_rendering_stops_when_its_time_is_up(redis: Exporter) -> None:
    readme(redis, "# Redis")
    render_outdated(0)
    assert any_outdated()


def test_the_migration_requests_the_rendering_of_readmes_in_directories(db: None) -> None:
    files = ["README.md", "Redis_README.md", "v1/readme.markdown", "alert.yaml", "x_readme.md.txt"]
    ContentBlob.objects.bulk_create(
        ContentBlob(sha=str(number), data=b"x", report={"format": "yaml"}, rules=1)
        for number in range(len(files))
    )
    tree = [[path, str(number), 1] for number, path in enumerate(files)]
    ContentTree.objects.create(sha="tree", files=tree)
    migration = import_module("hub.migrations.0030_store_rendered_texts")
    with connection.cursor() as cursor:
        cursor.execute(migration._REQUEST_RENDERING)
    requested = ContentBlob.objects.filter(renderer=0).values_list("sha", flat=True)
    assert sorted(requested) == ["0", "1", "2"]


def test_every_model_with_rendered_text_is_rendered() -> None:
    models = {model for model in apps.get_models() if hasattr(model, "html_parts")}
    assert models == set(outdated._SOURCES)
