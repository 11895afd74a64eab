"""The pages that `test_pages.py` checks."""

from hub.content.kinds import KINDS

PAGES = {
    "catalogue": "/",
    "search for a misspelled name": "/?q=redsi",
    "filtered list": "/?usable=A&sort=recent",
    "search without results": "/?q=xyzzyxyzzy",
    "coverage": "/coverage",
    "comparison": "/compare?exporter=redis&exporter=ceph",
    "exporter": "/exporters/redis",
    "exporter's alerting rules of a version": "/exporters/redis/alerts?version=v1.0.0",
    "exporter without dashboards": "/exporters/ceph/dashboards",
    **{f"exporter's {kind.tab.name}": f"/exporters/redis/{kind.tab.name}" for kind in KINDS},
    "exporter's metrics": "/exporters/redis/metrics",
    "exporter's metrics without a sample": "/exporters/ceph/metrics",
    "search for a metric": "/?q=redis_up",
    "exporter's pack": "/exporters/redis/install",
    "exporter's pack with options": "/exporters/redis/install?namespace=A_B",
    "choice of a pack": "/packs",
    "pack of two exporters": "/packs?exporter=redis&exporter=ceph",
    "exporter's releases": "/exporters/redis/releases",
    "exporter's history": "/exporters/redis/history",
    "directory without an exporter": "/directories/sql-server",
    "changes": "/changes",
    "API docs": "/api/v1/docs",
    "status": "/status",
    "setup": "/setup",
    "page not found": "/no-such-page",
    "exporter not found": "/exporters/rediss",
    "directory not found": "/directories/nothing",
}

# Pages that answer with an error status.
ERRORS = {"/no-such-page": 404, "/exporters/rediss": 404, "/directories/nothing": 404}
