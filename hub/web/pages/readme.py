"""Texts on an exporter's page: READMEs, and the texts about a kind of content."""

from collections.abc import Iterable, Mapping
from itertools import islice
from urllib.parse import quote

from hub.content.content_files import Content, ContentFile, is_csv, is_readme, text_kind
from hub.content.kinds import Kind
from hub.github.source import Source
from hub.models import Exporter, Readme
from hub.web.pages.csv_table import csv_table
from hub.web.pages.prose import Place, Prose, prose
from hub.web.pictures import ShownPicture

# For each text: its path, the URL of its page ("" if it has none) and its HTML.
Texts = list[tuple[str, str, Prose]]
_MAX_TEXTS = 10  # on one page


def project_readme(exporter: Exporter) -> Texts:
    """Return the README of the exporter's project; nothing if it has none."""
    try:
        readme = exporter.readme
    except Readme.DoesNotExist:
        return []
    branch = exporter.default_branch or "HEAD"
    place = Place(exporter.repository, branch, readme.path.rpartition("/")[0])
    url = f"{exporter.repository.rstrip('/')}/blob/{quote(branch)}/{quote(readme.path)}"
    return [(readme.path, url, prose(readme.text, readme, place))]


def readme_files(files: Iterable[ContentFile]) -> list[ContentFile]:
    """Return the READMEs in the exporter's directories."""
    return list(islice((file for file in files if is_readme(file.path)), _MAX_TEXTS))


def files_about(kind: Kind, files: Iterable[ContentFile]) -> list[ContentFile]:
    """Return the texts about a kind, such as `Redis_alert.md` and `Redis_alert.csv`."""
    found = (file for file in files if text_kind(file.path) == kind.letter)
    return list(islice(found, _MAX_TEXTS))


def texts_of(
    files: Iterable[ContentFile],
    contents: Mapping[str, Content],
    source: Source,
    pictures: Mapping[str, ShownPicture],
) -> Texts:
    """Return the files as texts, from their contents with HTML (`contents_of`).

    `pictures`: by whole path, to show where the texts name them.
    """
    by_path = {source.path_of(path): picture for path, picture in pictures.items()}
    shown = []
    for file in files:
        content = contents.get(file.sha)
        if content and content.text:
            folder = source.path_of(file.whole_path).rpartition("/")[0]
            place = Place(source.web_url, source.branch, folder, by_path)
            url, text = source.page_of(file.whole_path), content.text
            html = csv_table(text) if is_csv(file.path) else prose(text, content, place)
            shown.append((file.whole_path, url, html))
    return shown
