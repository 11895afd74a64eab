"""Logos: judged by their bytes, rid of what could run, served so that nothing in them does."""

import base64
from xml.etree import ElementTree

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from hub.catalogue import logos
from hub.models import Category, Exporter, Logo

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
WEBP = b"RIFF\x1a\x00\x00\x00WEBPVP8L" + bytes(14)
JPEG = b"\xff\xd8\xff\xe0" + bytes(20)
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><path fill="#d33" d="M0 0h2v2z"/></svg>'

# What an SVG can do to anyone who opens it; none of it may be left.
HOSTILE = {
    "script": b"<script>alert(1)</script>",
    "handler": b'<rect onload="alert(1)" onclick="alert(1)"/>',
    "link": b'<a href="javascript:alert(1)"><text>x</text></a>',
    "old link": b'<a xlink:href="javascript:alert(1)"><text>x</text></a>',
    "html": b"<foreignObject><body xmlns='http://www.w3.org/1999/xhtml'>"
    b'<iframe src="//evil"/></body></foreignObject>',
    "image": b'<image href="https://evil.example/x.png"/>',
    "nested": b'<image href="data:image/svg+xml;base64,PHN2Zy8+"/>',
    "use": b'<use href="https://evil.example/x.svg#a"/>',
    "style": b"<style>rect{fill:url(https://evil.example/x)} @import 'https://evil.example/y';</style>",
    "animation": b'<a><set attributeName="href" to="javascript:alert(1)"/></a>',
    "animated": b'<animate attributeName="onclick" values="alert(1)"/>',
    "filter": b'<filter id="f"><feImage href="https://evil.example/x"/></filter>',
}


def hostile(inside: bytes) -> bytes:
    head = b'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">'
    return head + inside + b'<path d="M0 0"/></svg>'


@pytest.fixture
def redis(db: None) -> Exporter:
    return Exporter.objects.create(
        slug="redis",
        title="Redis",
        repository="https://github.com/tests/redis",
        category=Category.objects.create(name="Database"),
    )


@pytest.fixture
def admin(db: None) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    return client


def save(admin: Client, redis: Exporter, **fields: object) -> str:
    answer = admin.post(
        f"/admin/hub/exporter/{redis.pk}/change/",
        {
            "title": redis.title,
            "slug": redis.slug,
            "repository": redis.repository,
            "category": redis.category_id,
            **fields,
        },
        follow=True,
    )
    redis.refresh_from_db()
    return answer.content.decode()


@pytest.mark.parametrize(
    ("data", "media_type"),
    [(PNG, "image/png"), (WEBP, "image/webp"), (JPEG, "image/jpeg"), (SVG, "image/svg+xml")],
)
def test_a_logo_is_known_by_its_bytes(data: bytes, media_type: str) -> None:
    found, kept = logos.check_logo(data)
    assert found == media_type
    if media_type != "image/svg+xml":
        assert kept == data


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"GIF89a" + bytes(20),
        b"<html><body>x</body></html>",
        b"<svg",
        b"RIFF\x1a\x00\x00\x00WAVE" + bytes(20),
        b"\0" * 100,
        b"MZ" + bytes(100),
    ],
)
def test_anything_else_is_refused(data: bytes) -> None:
    with pytest.raises(logos.NotALogo, match="not a PNG, JPEG, WebP or SVG"):
        logos.check_logo(data)


def test_too_large_is_refused() -> None:
    assert logos.check_logo(PNG + bytes(logos.MAX_LOGO_SIZE - len(PNG)))
    with pytest.raises(logos.NotALogo, match="the maximum is 64 KB"):
        logos.check_logo(PNG + bytes(logos.MAX_LOGO_SIZE))
    bomb = b'<!DOCTYPE svg [<!ENTITY a "aaaaaaaaaa">%s]><svg xmlns="http://www.w3.org/2000/svg">&z;</svg>'
    entities = b"".join(
        b'<!ENTITY %c "%s">' % (new, b"&%c;" % old * 10)
        for old, new in zip(b"abcdefghi", b"bcdefghiz", strict=True)
    )
    with pytest.raises(logos.NotALogo):
        logos.check_logo(bomb % entities)


@pytest.mark.parametrize("name", HOSTILE)
def test_nothing_hostile_is_left_in_an_svg(name: str) -> None:
    _, kept = logos.check_logo(hostile(HOSTILE[name]))
    tags = set()
    for element in ElementTree.fromstring(kept).iter():
        tags.add(element.tag.rpartition("}")[2])
        for attribute, value in element.attrib.items():
            attribute = attribute.rpartition("}")[2].lower()
            assert not attribute.startswith("on"), kept
            assert attribute != "href" or ":" not in value, kept
            # Without it an animation changes nothing, whatever its values are.
            assert attribute != "attributename" or value.lower() not in ("href", "onclick"), kept
    assert "path" in tags
    assert not tags & {"script", "foreignObject", "iframe", "body"}
    assert b"https://evil.example" not in kept


def test_upload_serve_replace_and_remove(admin: Client, redis: Exporter) -> None:
    assert Client().get("/exporters/redis/logo").status_code == 404
    save(admin, redis, new_logo=SimpleUploadedFile("x.svg", hostile(HOSTILE["script"])))
    assert redis.logo_type == "image/svg+xml"
    assert redis.logo_url == f"/exporters/redis/logo?v={redis.logo_version}"
    answer = Client().get(redis.logo_url)
    assert answer["Content-Type"] == "image/svg+xml"
    policy = answer["Content-Security-Policy"].split("; ")
    assert sorted(policy) == ["default-src 'none'", "sandbox"]
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Cache-Control"] == "public, max-age=31536000, immutable"
    assert b"script" not in answer.content
    for address in ("/exporters/redis/logo", "/exporters/redis/logo?v=former"):
        assert Client().get(address)["Cache-Control"] == "public, max-age=300"
    same = Client().get("/exporters/redis/logo", headers={"If-None-Match": answer["ETag"]})
    assert (same.status_code, same.content) == (304, b"")
    before = redis.logo_version
    save(admin, redis, new_logo=SimpleUploadedFile("looks-like.svg", PNG, "image/svg+xml"))
    assert (redis.logo_type, redis.logo_version != before) == ("image/png", True)
    assert Client().get(redis.logo_url).content == PNG
    assert (
        f'src="{redis.logo_url}"'
        in admin.get(f"/admin/hub/exporter/{redis.pk}/change/").content.decode()
    )
    save(admin, redis)
    assert redis.logo_type == "image/png", "saving without a file keeps the logo"
    save(admin, redis, remove_logo="on")
    assert (redis.logo_type, redis.logo_url) == ("", "")
    assert not Logo.objects.exists()


def test_what_is_no_logo_is_said_at_the_field(admin: Client, redis: Exporter) -> None:
    page = save(admin, redis, new_logo=SimpleUploadedFile("x.png", b"<html>", "image/png"))
    assert "The file is not a PNG, JPEG, WebP or SVG image." in page
    page = save(
        admin, redis, new_logo=SimpleUploadedFile("x.png", PNG + bytes(logos.MAX_LOGO_SIZE))
    )
    assert "the maximum is 64 KB" in page
    assert not Logo.objects.exists()


def test_another_repository_forgets_that_the_former_was_renamed(
    admin: Client, redis: Exporter
) -> None:
    Exporter.objects.update(renamed_to="https://github.com/new/redis")
    page = save(admin, redis, repository="https://github.com/new/redis/")
    assert "Write it as https://github.com/new/redis" in page
    assert "is not a GitHub repository" in save(admin, redis, repository="https://evil.example/a")
    save(admin, redis, title="Other")
    assert redis.renamed_to == "https://github.com/new/redis"
    save(admin, redis, repository="https://github.com/new/redis")
    assert redis.renamed_to == ""
