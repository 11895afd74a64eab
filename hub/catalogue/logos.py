"""Validate and store exporter logos."""

import hashlib
import re
from pathlib import Path

from django.db import transaction
from django.db.models import QuerySet
from py_svg_hush import filter_svg

from hub.models import Exporter, Logo

MAX_LOGO_SIZE = 64 * 1024  # bytes
SVG = "image/svg+xml"
# Magic bytes of each type (the PNG specification, JFIF/EXIF, RFC 9649).
_SIGNATURES = {
    "image/png": re.compile(rb"\x89PNG\r\n\x1a\n"),
    "image/jpeg": re.compile(rb"\xff\xd8\xff"),
    "image/webp": re.compile(rb"RIFF.{4}WEBP", re.DOTALL),
}


class NotALogo(ValueError):
    """The file is not a valid logo; the message says why."""


def check_logo(data: bytes) -> tuple[str, bytes]:
    """Return the media type of `data` and the bytes to store. Raises `NotALogo`.

    Scripts, handlers, links and external resources are removed from an SVG.
    """
    if len(data) > MAX_LOGO_SIZE:
        size = len(data) // 1024 + 1
        raise NotALogo(f"The file has {size} KB; the maximum is {MAX_LOGO_SIZE // 1024} KB.")
    for media_type, signature in _SIGNATURES.items():
        if signature.match(data):
            return media_type, data
    try:
        svg: bytes = filter_svg(data, {})
    except ValueError:
        svg = b""
    if b"<svg" not in svg:
        raise NotALogo("The file is not a PNG, JPEG, WebP or SVG image.")
    if len(svg) > MAX_LOGO_SIZE:  # the filter adds indentation
        raise NotALogo("The sanitised SVG is too large: simplify it, or use PNG.")
    return SVG, svg


@transaction.atomic
def store_logo(exporter: Exporter, media_type: str, data: bytes) -> None:
    """Store a logo returned by `check_logo`."""
    Logo.objects.update_or_create(exporter=exporter, defaults={"data": data})
    _update(exporter, media_type, logo_version(data))


@transaction.atomic
def remove_logo(exporter: Exporter) -> None:
    """Delete the exporter's logo."""
    Logo.objects.filter(exporter=exporter).delete()
    _update(exporter, "", "")


@transaction.atomic
def add_logos(folder: Path, exporters: QuerySet[Exporter]) -> int:
    """Store the files SLUG.svg of a folder as the logos of those exporters that have none.

    Return how many were stored. Raises `NotALogo`, and then stores none.
    """
    files = {path.stem: path for path in folder.glob("*.svg")}
    exporters = exporters.filter(slug__in=files, logo_type="")
    logos = []
    for exporter in exporters:
        path = files[exporter.slug]
        try:
            exporter.logo_type, data = check_logo(path.read_bytes())
        except NotALogo as fault:
            raise NotALogo(f"{path}: {fault}") from None
        exporter.logo_version = logo_version(data)
        logos.append(Logo(exporter=exporter, data=data))
    Logo.objects.bulk_create(logos)
    Exporter.objects.bulk_update(exporters, ["logo_type", "logo_version"])
    return len(logos)


def logo_version(data: bytes) -> str:
    """Return a version for the logo's URL that changes with its bytes."""
    return hashlib.sha256(data).hexdigest()[:16]


def _update(exporter: Exporter, media_type: str, version: str) -> None:
    exporter.logo_type, exporter.logo_version = media_type, version
    Exporter.objects.filter(pk=exporter.pk).update(logo_type=media_type, logo_version=version)
