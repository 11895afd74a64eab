"""What every page shows around its own: the freshness of the map, and the theme."""

from typing import Any

from django.http import HttpRequest

from hub.content.map import read_map
from hub.github.source import configured_source
from hub.web.theme import theme_of


def page_context() -> dict[str, Any]:
    """For the context of each page that shows contents. One query, or none within a second.

    `freshness` and `running` are for includes/freshness.html, `source` is where the contents come
    from, and `known` says that a snapshot is there: without one, contents are unknown.
    """
    glance = read_map.cached_head()
    return {
        "freshness": read_map.freshness(glance.served),
        "running": glance.running,
        "source": configured_source(),
        "known": glance.served.snapshot_id is not None,
    }


def theme(request: HttpRequest) -> dict[str, Any]:
    """A context processor: `theme` for base.html. No query."""
    return {"theme": theme_of(request)}
