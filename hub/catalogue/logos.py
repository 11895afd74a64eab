"""An exporter's logo: what is taken, by its bytes and not by its name, and how it is kept."""

import hashlib

from django.db import transaction
from py_svg_hush import filter_svg

from hub.models import Exporter, Logo

LARGEST = 64 * 1024  # bytes
SVG = "image/svg+xml"
# How files of each type begin (the PNG specification, RFC 9649, JFIF/EXIF).
_PNG, _JPEG, _RIFF, _WEBP = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF", b"WEBP"


class NotALogo(ValueError):
    """The file cannot be a logo; the message says why."""


def check(data: bytes) -> tuple[str, bytes]:
    """The media type of `data` and the bytes to keep. Raises `NotALogo`.

    An SVG is kept as `svg-hush` passes it: without scripts, handlers, links and anything that
    would be fetched from elsewhere.
    """
    if len(data) > LARGEST:
        raise NotALogo(
            f"The file has {len(data) // 1024 + 1} KB; {LARGEST // 1024} KB are possible."
        )
    if data.startswith(_PNG):
        return "image/png", data
    if data.startswith(_JPEG):
        return "image/jpeg", data
    if data.startswith(_RIFF) and data[8:12] == _WEBP:
        return "image/webp", data
    return SVG, _harmless(data)


def _harmless(data: bytes) -> bytes:
    try:
        svg: bytes = filter_svg(data, {})
    except ValueError:
        svg = b""
    if b"<svg" not in svg:
        raise NotALogo("This is no PNG, JPEG, WebP or SVG image.")
    if len(svg) > LARGEST:  # it is written anew, with indentation
        raise NotALogo("The cleaned SVG is too large: simplify it, or use PNG.")
    return svg


@transaction.atomic
def keep(exporter: Exporter, media_type: str, data: bytes) -> None:
    """Give the exporter a logo that `check` took."""
    Logo.objects.update_or_create(exporter=exporter, defaults={"data": data})
    _mark(exporter, media_type, version_of(data))


@transaction.atomic
def remove(exporter: Exporter) -> None:
    """Take the exporter's logo away."""
    Logo.objects.filter(exporter=exporter).delete()
    _mark(exporter, "", "")


def version_of(data: bytes) -> str:
    """What tells one logo from another in its address."""
    return hashlib.sha256(data).hexdigest()[:16]


def _mark(exporter: Exporter, media_type: str, version: str) -> None:
    exporter.logo_type, exporter.logo_version = media_type, version
    Exporter.objects.filter(pk=exporter.pk).update(logo_type=media_type, logo_version=version)
