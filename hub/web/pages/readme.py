"""The READMEs of an exporter's first tab: its project's, or those in its directories."""

from collections.abc import Iterable
from urllib.parse import quote

from hub.content.content_files import ContentFile, contents_of
from hub.github.source import Source
from hub.models import Exporter, Readme
from hub.web.pages.markdown import Place, Rendered, render

# For each README: its path, the URL of its page ("" if it has none) and its text.
Readmes = list[tuple[str, str, Rendered]]


def readmes_of(exporter: Exporter, files: Iterable[ContentFile], source: Source) -> Readmes:
    """Return the project's README or, if it has none, the READMEs in the exporter's directories."""
    try:
        readme = exporter.readme
    except Readme.DoesNotExist:
        return _content_readmes(files, source)
    branch = exporter.default_branch or "HEAD"
    place = Place(exporter.repository, branch, readme.path.rpartition("/")[0])
    url = f"{exporter.repository.rstrip('/')}/blob/{quote(branch)}/{quote(readme.path)}"
    return [(readme.path, url, render(readme.text, place))]


def _content_readmes(files: Iterable[ContentFile], source: Source) -> Readmes:
    readmes = [file for file in files if _is_readme(file)]
    contents = contents_of(readmes, {file.sha for file in readmes}) if readmes else {}
    rendered = []
    for file in readmes:
        content = contents.get(file.sha)
        if content and content.text:
            path = "/".join(filter(None, (source.path, file.whole_path)))
            place = Place(source.web_url, source.branch, path.rpartition("/")[0])
            url = source.page_of(file.whole_path)
            rendered.append((file.whole_path, url, render(content.text, place)))
    return rendered


def _is_readme(file: ContentFile) -> bool:
    """Return whether the file is the README of a directory or of a version, but not of a chart."""
    name = file.name.casefold()
    folders = file.path.split("/")[:-1]
    at_top = file.version == (folders[-1] if folders else "")
    return at_top and (name in ("readme.md", "readme.markdown") or name.endswith("_readme.md"))
