"""Every page that people look at: the checks of `test_pages.py` are made on each."""

PAGES = {
    "catalogue": "/",
    "search by a misspelt name": "/?q=redsi",
    "filtered list": "/?usable=A&sort=recent",
    "search that finds nothing": "/?q=xyzzyxyzzy",
    "coverage": "/coverage",
    "exporter": "/exporters/redis",
    "exporter's charts": "/exporters/redis/iac",
    "exporter's alerting rules": "/exporters/redis/alerts",
    "exporter's alerting rules of a version": "/exporters/redis/alerts?version=v1.0.0",
    "exporter's dashboards": "/exporters/redis/dashboards",
    "exporter without dashboards": "/exporters/ceph/dashboards",
    "exporter's releases": "/exporters/redis/releases",
    "exporter's history": "/exporters/redis/history",
    "status": "/status",
    "no such page": "/no-such-page",
    "no such exporter": "/exporters/rediss",
}

# Those that answer with an error on purpose.
ERRORS = {"/no-such-page": 404, "/exporters/rediss": 404}
