"""Serve content files so that a browser never runs them, whatever their bytes are."""

from pathlib import PurePosixPath
from urllib.parse import urlencode

from django.http import HttpResponse
from django.urls import reverse
from django.utils.http import content_disposition_header

from hub.content.content_files import ContentFile
from hub.models import ContentBlob

_TYPES = {
    ".json": "application/json",
    ".yaml": "application/yaml",  # RFC 9512
    ".yml": "application/yaml",
    ".md": "text/markdown; charset=utf-8",
    ".csv": "text/csv; charset=utf-8",
}
_PLAIN = "text/plain; charset=utf-8"
_STRING: dict[str, object] = {"schema": {"type": "string"}}
# The response content by media type, for the OpenAPI document. The JSON may be any value.
CONTENT: dict[str, dict[str, object]] = {
    "application/json": {},
    **dict.fromkeys(("application/yaml", "text/markdown", "text/csv", "text/plain"), _STRING),
}
LONGEST_NAME = 255  # characters; a longer file name is shortened to its end, with the suffix
_SUFFIXES = {"json": ".json", "yaml": ".yaml"}  # by the format in a report


def download(blob: ContentBlob, name: str, *, shown: bool) -> HttpResponse:
    """Return the blob as a download named by the last part of `name`, or `shown` as plain text."""
    name = safe_name(name) or f"{blob.sha[:12]}{_SUFFIXES.get(blob.report['format'], '.txt')}"
    media_types = {} if shown else _TYPES
    return HttpResponse(
        bytes(blob.data),
        content_type=media_types.get(PurePosixPath(name).suffix.lower(), _PLAIN),
        headers={
            "Content-Disposition": content_disposition_header(not shown, name) or "inline",
            "ETag": f'"{blob.sha}"',
            # The bytes of a SHA never change, but a file that is removed must not stay readable.
            "Cache-Control": "public, max-age=60",
        },
    )


def download_path(file: ContentFile) -> str:
    """Return the path and query of the file's download; with `&shown=true`, a browser shows it."""
    query = urlencode({"name": file.name[-LONGEST_NAME:]})
    return f"{reverse('api:raw_file', kwargs={'sha': file.sha})}?{query}"


def safe_name(name: str) -> str:
    """Return the last part of a path, without characters unsafe for file systems and headers."""
    last = name.replace("\\", "/").rpartition("/")[2]
    printable = "".join(character for character in last if character.isprintable())
    return printable[-LONGEST_NAME:].strip(". ")
