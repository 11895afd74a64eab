"""Texts on an exporter's page: READMEs, and the texts about a kind of content."""

from collections.abc import Iterable
from itertools import islice
from urllib.parse import quote

from hub.content.content_files import ContentFile, decoded, is_readme, text_kind
from hub.content.kinds import Kind
from hub.github.source import Source
from hub.models import ContentBlob, Exporter, Readme
from hub.web.pages.prose import Place, Prose, prose

# For each text: its path, the URL of its page ("" if it has none) and its HTML.
Texts = list[tuple[str, str, Prose]]
_MAX_TEXTS = 10  # on one page


def readmes_of(exporter: Exporter, files: Iterable[ContentFile], source: Source) -> Texts:
    """Return the project's README or, if it has none, the READMEs in the exporter's directories."""
    try:
        readme = exporter.readme
    except Readme.DoesNotExist:
        return _stored_texts((file for file in files if is_readme(file.path)), source)
    branch = exporter.default_branch or "HEAD"
    place = Place(exporter.repository, branch, readme.path.rpartition("/")[0])
    url = f"{exporter.repository.rstrip('/')}/blob/{quote(branch)}/{quote(readme.path)}"
    return [(readme.path, url, prose(readme.text, readme, place))]


def texts_about(kind: Kind, files: Iterable[ContentFile], source: Source) -> Texts:
    """Return the texts about a kind in the exporter's directories, such as `Redis_alert.md`."""
    return _stored_texts((file for file in files if text_kind(file.path) == kind.letter), source)


def _stored_texts(files: Iterable[ContentFile], source: Source) -> Texts:
    texts = list(islice(files, _MAX_TEXTS))
    blobs = ContentBlob.objects.only("data", "html_parts", "renderer")
    stored = blobs.in_bulk([file.sha for file in texts]) if texts else {}
    shown = []
    for file in texts:
        text = decoded(stored[file.sha].data) if file.sha in stored else None
        if text:
            path = "/".join(filter(None, (source.path, file.whole_path)))
            place = Place(source.web_url, source.branch, path.rpartition("/")[0])
            url = source.page_of(file.whole_path)
            shown.append((file.whole_path, url, prose(text, stored[file.sha], place)))
    return shown
