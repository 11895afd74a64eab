"""Pictures in exporter directories: their addresses, and the view that serves them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.cache import get_conditional_response
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_safe

from hub.content.content_files import ContentFile
from hub.content.picture_rules import picture_paths
from hub.content.pictures import served_pictures
from hub.github.source import configured_source
from hub.models import Exporter
from hub.web.csp import sandboxed


@dataclass(frozen=True)
class ShownPicture:
    """A picture that the hub has, where a page or the API shows it."""

    file: ContentFile
    url: str
    media_type: str
    width: int
    height: int

    def img(self, alt: str = "") -> SafeString:
        """Return the element. Without `alt`, the file's name describes the picture."""
        return format_html(
            '<img class="picture" src="{}" alt="{}" width="{}" height="{}" loading="lazy" '
            'decoding="async">',
            *(self.url, alt or self.file.name, self.width, self.height),
        )


def shown_pictures(
    exporter: Exporter, files: Iterable[ContentFile], rows: Iterable[Any]
) -> dict[str, ShownPicture]:
    """Return the pictures among the exporter's files by whole path. `rows`: see `with_pictures`."""
    stored = {found["sha"]: found for row in rows for found in row.tree_pictures}
    by_path = {file.whole_path: file for file in files}
    shown = {}
    for path in picture_paths((path, file.size) for path, file in by_path.items()):
        file = by_path[path]
        if found := stored.get(file.sha):
            url = reverse("exporter_picture", args=[exporter.slug, file.sha])
            shown[path] = ShownPicture(
                file, url, found["media_type"], found["width"], found["height"]
            )
    return shown


@sandboxed
@require_safe
def picture(request: HttpRequest, slug: str, sha: str) -> HttpResponse:
    """Return a picture, while a directory of the exporter has it."""
    found = get_object_or_404(served_pictures(configured_source().key, slug, sha))
    response = HttpResponse(
        bytes(found.data),
        content_type=found.media_type,
        headers={
            "ETag": f'"{sha}"',
            # Its bytes never change. Only readers who have seen it keep a copy: shared caches would
            # serve a picture after it was removed.
            "Cache-Control": "private, max-age=31536000, immutable",
        },
    )
    return get_conditional_response(request, response["ETag"], response=response) or response
