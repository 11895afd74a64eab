"""A content file as a download: whatever its bytes are, no browser shall run them."""

from pathlib import PurePosixPath

from django.http import HttpResponse
from django.utils.http import content_disposition_header

from hub.models import ContentBlob

_TYPES = {
    ".json": "application/json",
    ".yaml": "application/yaml",  # RFC 9512
    ".yml": "application/yaml",
    ".md": "text/markdown; charset=utf-8",
    ".csv": "text/csv; charset=utf-8",
}
_PLAIN = "text/plain; charset=utf-8"
# For the OpenAPI document: by media type, what the bytes are; JSON may be any.
CONTENT: dict[str, dict[str, object]] = {
    "application/json": {},
    **{
        kind.partition(";")[0]: {"schema": {"type": "string"}}
        for kind in ("application/yaml", "text/markdown", "text/csv", _PLAIN)
    },
}
LONGEST_NAME = 255  # characters of a file's name that count: its last ones, with the suffix
_BY_FORMAT = {"json": ".json", "yaml": ".yaml"}


def download(blob: ContentBlob, name: str, *, shown: bool) -> HttpResponse:
    """The blob under `name` (its last part counts).

    `shown`: as plain text for a browser to show, instead of a download.
    """
    name = safe_name(name) or f"{blob.sha[:12]}{_BY_FORMAT.get(blob.report['format'], '.txt')}"
    known = {} if shown else _TYPES
    return HttpResponse(
        bytes(blob.data),
        content_type=known.get(PurePosixPath(name).suffix.lower(), _PLAIN),
        headers={
            "Content-Disposition": content_disposition_header(not shown, name) or "inline",
            "ETag": f'"{blob.sha}"',
            "Cache-Control": "public, max-age=31536000, immutable",
        },
    )


def safe_name(name: str) -> str:
    """The last part of a path, without what a file system or a header could take amiss."""
    last = name.replace("\\", "/").rpartition("/")[2]
    printable = "".join(character for character in last if character.isprintable())
    return printable[-LONGEST_NAME:].strip(". ")
