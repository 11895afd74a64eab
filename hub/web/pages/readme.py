"""Which text stands on an exporter's first tab: its project's README, or the contents' own."""

from collections.abc import Iterable
from urllib.parse import quote

from hub.content.content_files import ContentFile, contents_of
from hub.github.source import Source
from hub.models import Exporter, Readme
from hub.web.pages.markdown import Place, Rendered, render

# Each README's path, the page about it ("" for none) and its text.
Shown = list[tuple[str, str, Rendered]]


def of(exporter: Exporter, files: Iterable[ContentFile], source: Source) -> Shown:
    """The project's README; without one, those that lie beside the contents."""
    try:
        own = exporter.readme
    except Readme.DoesNotExist:
        return _of_contents(files, source)
    branch = exporter.default_branch or "HEAD"
    place = Place(exporter.repository, branch, own.path.rpartition("/")[0])
    url = f"{exporter.repository.rstrip('/')}/blob/{quote(branch)}/{quote(own.path)}"
    return [(own.path, url, render(own.text, place))]


def _of_contents(files: Iterable[ContentFile], source: Source) -> Shown:
    chosen = [file for file in files if _is_readme(file)]
    contents = contents_of(chosen, {file.sha for file in chosen}) if chosen else {}
    shown = []
    for file in chosen:
        content = contents.get(file.sha)
        if content and content.text:
            whole = "/".join(filter(None, (source.path, file.whole_path)))
            place = Place(source.web_url, source.branch, whole.rpartition("/")[0])
            url = source.page_of(file.whole_path)
            shown.append((file.whole_path, url, render(content.text, place)))
    return shown


def _is_readme(file: ContentFile) -> bool:
    """`README.md` or `NAME_readme.md`, of the directory or of a version, but not of a chart."""
    name = file.name.casefold()
    folders = file.path.split("/")[:-1]
    inside_version = file.version == (folders[-1] if folders else "")
    return inside_version and (
        name in ("readme.md", "readme.markdown") or name.endswith("_readme.md")
    )
