"""An exporter's logo: checked by its bytes and stored."""

import hashlib
import re

from django.db import transaction
from py_svg_hush import filter_svg

from hub.models import Exporter, Logo

LARGEST = 64 * 1024  # bytes
SVG = "image/svg+xml"
# How files of each type begin (the PNG specification, JFIF/EXIF, RFC 9649).
_BEGINNINGS = {
    "image/png": re.compile(rb"\x89PNG\r\n\x1a\n"),
    "image/jpeg": re.compile(rb"\xff\xd8\xff"),
    "image/webp": re.compile(rb"RIFF.{4}WEBP", re.DOTALL),
}


class NotALogo(ValueError):
    """The file cannot be a logo; the message says why."""


def check_logo(data: bytes) -> tuple[str, bytes]:
    """The media type of `data` and the bytes to store. Raises `NotALogo`.

    Scripts, handlers, links and external resources are removed from an SVG.
    """
    if len(data) > LARGEST:
        size = len(data) // 1024 + 1
        raise NotALogo(f"The file has {size} KB; {LARGEST // 1024} KB are possible.")
    for media_type, beginning in _BEGINNINGS.items():
        if beginning.match(data):
            return media_type, data
    try:
        svg: bytes = filter_svg(data, {})
    except ValueError:
        svg = b""
    if b"<svg" not in svg:
        raise NotALogo("This is no PNG, JPEG, WebP or SVG image.")
    if len(svg) > LARGEST:  # the filter adds indentation
        raise NotALogo("The cleaned SVG is too large: simplify it, or use PNG.")
    return SVG, svg


@transaction.atomic
def keep(exporter: Exporter, media_type: str, data: bytes) -> None:
    """Store a logo that `check` has returned."""
    Logo.objects.update_or_create(exporter=exporter, defaults={"data": data})
    _mark(exporter, media_type, logo_version(data))


@transaction.atomic
def remove(exporter: Exporter) -> None:
    """Delete the exporter's logo."""
    Logo.objects.filter(exporter=exporter).delete()
    _mark(exporter, "", "")


def logo_version(data: bytes) -> str:
    """The part of a logo's address that changes with its bytes."""
    return hashlib.sha256(data).hexdigest()[:16]


def _mark(exporter: Exporter, media_type: str, version: str) -> None:
    exporter.logo_type, exporter.logo_version = media_type, version
    Exporter.objects.filter(pk=exporter.pk).update(logo_type=media_type, logo_version=version)
