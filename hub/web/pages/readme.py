"""The READMEs of an exporter's first tab: its project's, or those in its directories."""

from collections.abc import Iterable
from urllib.parse import quote

from hub.content.content_files import ContentFile, decoded, is_readme
from hub.github.source import Source
from hub.models import ContentBlob, Exporter, Readme
from hub.web.pages.prose import Place, Prose, prose

# For each README: its path, the URL of its page ("" if it has none) and its text.
Readmes = list[tuple[str, str, Prose]]
_MAX_READMES = 10  # on one page


def readmes_of(exporter: Exporter, files: Iterable[ContentFile], source: Source) -> Readmes:
    """Return the project's README or, if it has none, the READMEs in the exporter's directories."""
    try:
        readme = exporter.readme
    except Readme.DoesNotExist:
        return _content_readmes(files, source)
    branch = exporter.default_branch or "HEAD"
    place = Place(exporter.repository, branch, readme.path.rpartition("/")[0])
    url = f"{exporter.repository.rstrip('/')}/blob/{quote(branch)}/{quote(readme.path)}"
    return [(readme.path, url, prose(readme.text, readme, place))]


def _content_readmes(files: Iterable[ContentFile], source: Source) -> Readmes:
    readmes = [file for file in files if is_readme(file.path)][:_MAX_READMES]
    blobs = ContentBlob.objects.only("data", "html_parts", "renderer")
    stored = blobs.in_bulk([file.sha for file in readmes]) if readmes else {}
    shown = []
    for file in readmes:
        text = decoded(stored[file.sha].data) if file.sha in stored else None
        if text:
            path = "/".join(filter(None, (source.path, file.whole_path)))
            place = Place(source.web_url, source.branch, path.rpartition("/")[0])
            url = source.page_of(file.whole_path)
            shown.append((file.whole_path, url, prose(text, stored[file.sha], place)))
    return shown
