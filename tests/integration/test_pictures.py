"""Pictures in directories: fetched once after a publication, shown, served, and deleted."""

from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from django.db.models import F
from django.test import Client
from django.utils import timezone
from PIL import Image

from hub.content import pictures
from hub.content.housekeeping import prune_contents
from hub.content.pictures import any_missing, fetch_pictures
from hub.demo.fake_github import Fault
from hub.demo.fake_github import faults as f
from hub.github.git_objects import blob_sha
from hub.models import Category, ContentTree, Exporter, FactsRun, GitHubToken, Picture
from tasks.housekeeping import housekeeping
from tests.common import contents
from tests.common.processes import Process
from tests.common.rendering import render_all
from tests.common.waiting import wait_until
from tests.conftest import Hub

README = b"# Redis\n\n![An overview](images/overview.png) ![Gone](images/gone.png)\n"


def png(colour: str, size: tuple[int, int] = (600, 300)) -> bytes:
    written = BytesIO()
    Image.new("RGB", size, colour).save(written, "PNG")
    return written.getvalue()


OVERVIEW = png("navy")
SHA = blob_sha(OVERVIEW)


@pytest.fixture
def redis(hub: Hub) -> Hub:
    """One exporter with a dashboard and a README; the hub is not refreshed yet."""
    category = Category.objects.create(name="Database")
    Exporter.objects.create(
        slug="redis", title="Redis", repository="https://github.com/tests/redis", category=category
    )
    hub.add_token()
    hub.write("Redis/README.md", README)
    hub.write("Redis/Redis_dashboard.json", contents.dashboard("Redis"))
    return hub


def fetched(hub: Hub) -> int:
    """The number of requests for blobs."""
    return sum("/git/blobs/" in request.path for request in hub.github.requests)


def publish_and_forget_pictures(hub: Hub, pictures: int = 1) -> None:
    """Publish, let the workers fetch the pictures, and delete these: so they are missing again."""
    hub.refresh()
    wait_until(lambda: shown() == pictures, "the pictures")
    Picture.objects.all().delete()
    ContentTree.objects.update(has_all_pictures=False)
    hub.github.requests.clear()


def make_due() -> None:
    Picture.objects.exclude(retry_at=None).update(retry_at=timezone.now())


def shown() -> int:
    return Picture.objects.shown().count()


def test_a_worker_fetches_a_picture_once_and_pages_show_it(redis: Hub) -> None:
    redis.write("Redis/images/overview.png", OVERVIEW)
    redis.write("Redis_Exporter/v1.0.0/same.png", OVERVIEW)
    redis.refresh()
    wait_until(lambda: shown() == 1, "the picture")
    render_all()
    assert fetched(redis) == 1
    redis.write("Redis/values.yaml", contents.VALUES)
    redis.refresh()
    fetch_pictures()
    assert fetched(redis) == 1

    redis.github.requests.clear()
    img = (
        f'<img class="picture" src="/exporters/redis/pictures/{SHA}" alt="{{}}" '
        'width="600" height="300" loading="lazy" decoding="async">'
    )
    overview = Client().get("/exporters/redis").content.decode()
    assert img.format("An overview") in overview
    assert '<span class="readme__image">image: Gone</span>' in overview
    dashboards = Client().get("/exporters/redis/dashboards").content.decode()
    assert img.format("overview.png") in dashboards
    assert SHA not in Client().get("/exporters/redis/alerts").content.decode()
    listed = Client().get("/api/v1/exporters/redis/files").json()["pictures"]
    assert listed[0] == {
        "directory": "Redis",
        "path": "images/overview.png",
        "url": f"/exporters/redis/pictures/{SHA}",
        "media_type": "image/png",
        "width": 600,
        "height": 300,
    }
    assert redis.github.requests == []


def test_a_picture_is_served_so_that_nothing_in_it_runs(redis: Hub) -> None:
    redis.write("Redis/images/overview.png", OVERVIEW)
    redis.refresh()
    wait_until(lambda: shown() == 1, "the picture")
    url = f"/exporters/redis/pictures/{SHA}"
    answer = Client().get(url)
    assert (answer.status_code, answer.content) == (200, OVERVIEW)
    assert answer["Content-Type"] == "image/png"
    assert answer["X-Content-Type-Options"] == "nosniff"
    policy = answer["Content-Security-Policy"].split("; ")
    assert sorted(policy) == ["default-src 'none'", "sandbox"]
    assert answer["Cache-Control"] == "private, max-age=31536000, immutable"
    assert Client().get(url, headers={"If-None-Match": answer["ETag"]}).status_code == 304
    other = Exporter.objects.create(slug="other", title="Other", category=Category.objects.get())
    for wrong in (
        f"/exporters/{other.slug}/pictures/{SHA}",
        f"/exporters/redis/pictures/{'0' * 40}",
    ):
        assert Client().get(wrong).status_code == 404
    redis.github.repository.delete("contents/Redis/images/overview.png")
    redis.refresh()
    assert Client().get(url).status_code == 404


def test_what_is_no_picture_is_refused_once(redis: Hub) -> None:
    page = b"<html><script>alert(1)</script></html>"
    redis.write("Redis/images/overview.png", page)
    redis.refresh()
    refused = wait_until(Picture.objects.exclude(refused="").first, "the refusal")
    assert refused.refused == "cannot be decoded (UnidentifiedImageError)"
    assert bytes(refused.data) == b""
    assert not any_missing()
    assert Client().get(f"/exporters/redis/pictures/{blob_sha(page)}").status_code == 404
    assert 'class="picture"' not in Client().get("/exporters/redis/dashboards").content.decode()


def test_a_picture_that_failed_is_fetched_again_by_housekeeping(redis: Hub) -> None:
    redis.write("Redis/images/overview.png", OVERVIEW)
    publish_and_forget_pictures(redis)
    redis.github.faults.append(Fault(f.answer(404), match="/git/blobs/"))
    fetch_pictures()
    assert shown() == 0
    redis.github.faults.clear()
    assert not any_missing()  # not before its time
    make_due()
    # The first call also starts a facts run, whose lookups come first.
    wait_until(lambda: housekeeping() or shown() == 1, "the picture")


def test_a_picture_is_fetched_again_after_its_worker_died(redis: Hub) -> None:
    redis.write("Redis/images/overview.png", OVERVIEW)
    publish_and_forget_pictures(redis)
    redis.github.faults.append(Fault(f.slow(10), match="/git/blobs/"))
    call = "from hub.content.pictures import fetch_pictures; fetch_pictures()"
    worker = Process("manage", "shell", "--no-imports", "-c", call)
    worker.start()
    wait_until(Picture.objects.filter(retry_at__gt=timezone.now()).exists, "the request")
    worker.kill()
    redis.github.faults.clear()
    fetch_pictures()
    assert shown() == 0  # nobody else fetches it for ten minutes
    make_due()
    fetch_pictures()
    assert shown() == 1


def test_lookups_come_first(redis: Hub) -> None:
    redis.write("Redis/images/overview.png", OVERVIEW)
    publish_and_forget_pictures(redis)
    now = timezone.now()
    open_run = FactsRun.objects.create(trigger="command", status="queued", deadline=now)
    fetch_pictures()
    assert fetched(redis) == 0
    open_run.delete()
    fetch_pictures()
    assert (fetched(redis), shown()) == (1, 1)


def test_no_picture_is_fetched_while_the_rate_limit_is_used_up(redis: Hub) -> None:
    redis.write("Redis/a.png", png("red"))
    redis.write("Redis/b.png", png("blue"))
    publish_and_forget_pictures(redis, pictures=2)
    redis.github.faults.append(Fault(f.primary_limit(reset_in=3600), match="/git/blobs/"))
    fetch_pictures()
    fetch_pictures()
    assert (fetched(redis), shown()) == (1, 0)
    assert any_missing()  # as soon as the limit allows it


def test_half_of_the_rate_limit_stays_for_refreshes(redis: Hub) -> None:
    redis.write("Redis/a.png", png("red"))
    publish_and_forget_pictures(redis)
    reset_at = timezone.now() + timedelta(hours=1)
    GitHubToken.objects.update(core_limit=5_000, core_remaining=2_499, core_reset_at=reset_at)
    fetch_pictures()
    assert (fetched(redis), shown()) == (0, 0)
    GitHubToken.objects.update(core_remaining=2_500)
    fetch_pictures()
    assert (fetched(redis), shown()) == (1, 1)


def test_a_task_fetches_a_bounded_number(redis: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(4):
        redis.write(f"Redis/{number}.png", png("red", (10, 10 + number)))
    publish_and_forget_pictures(redis, pictures=4)
    monkeypatch.setattr(pictures, "_BATCH", 3)
    fetch_pictures()
    assert (fetched(redis), shown()) == (3, 3)
    fetch_pictures()
    assert (fetched(redis), shown()) == (4, 4)


def test_a_tree_is_marked_only_after_its_links_were_followed(redis: Hub) -> None:
    redis.write("Redis/a.png", png("red"))
    publish_and_forget_pictures(redis)
    ContentTree.objects.update(links=None)  # as an earlier version stored it
    assert not any_missing()
    assert not ContentTree.objects.filter(has_all_pictures=True).exists()
    ContentTree.objects.update(links={})
    assert any_missing()


def test_pictures_are_deleted_with_the_last_tree_that_names_them(redis: Hub, settings: Any) -> None:
    redis.write("Redis/images/overview.png", OVERVIEW)
    redis.refresh()
    wait_until(lambda: shown() == 1, "the picture")
    redis.github.repository.delete("contents/Redis/images/overview.png")
    redis.refresh()
    prune_contents()
    assert shown() == 1
    for time in (settings.RUN_DEADLINE, settings.REMOVED_FILES_KEPT):
        for model in (ContentTree, Picture):
            model.objects.update(learned_at=F("learned_at") - time)
        ContentTree.objects.update(unused_since=F("unused_since") - time)
        prune_contents()
    assert not Picture.objects.exists()
