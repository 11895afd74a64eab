"""Every page that people look at: the checks of `test_pages.py` are made on each."""

from hub.content.kinds import KINDS

PAGES = {
    "catalogue": "/",
    "search by a misspelt name": "/?q=redsi",
    "filtered list": "/?usable=A&sort=recent",
    "search that finds nothing": "/?q=xyzzyxyzzy",
    "coverage": "/coverage",
    "exporter": "/exporters/redis",
    "exporter's alerting rules of a version": "/exporters/redis/alerts?version=v1.0.0",
    "exporter without dashboards": "/exporters/ceph/dashboards",
    **{f"exporter's {kind.tab.name}": f"/exporters/redis/{kind.tab.name}" for kind in KINDS},
    "exporter's releases": "/exporters/redis/releases",
    "exporter's history": "/exporters/redis/history",
    "status": "/status",
    "no such page": "/no-such-page",
    "no such exporter": "/exporters/rediss",
}

# Those that answer with an error on purpose.
ERRORS = {"/no-such-page": 404, "/exporters/rediss": 404}
