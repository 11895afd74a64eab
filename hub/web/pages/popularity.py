"""Page views of exporters, for the sort orders "popular" and "trending"."""

import logging

from django.db import DatabaseError, connection
from django.http import HttpRequest

from hub import clock
from hub.models import DailyViews, Exporter

logger = logging.getLogger(__name__)

# Parts of the user agents of programs. Programs that imitate a browser are counted as readers.
_PROGRAMS = ("bot", "crawl", "spider", "slurp", "curl/", "wget/", "python-", "go-http", "monitor")

# One atomic statement updates both counts. A page must not wait while an import or a refresh of
# facts locks the rows; in that case the view is not counted.
_COUNT = f"""
    SET LOCAL lock_timeout = '200ms';
    WITH of_the_day AS (
        INSERT INTO {DailyViews._meta.db_table} (exporter_id, day, views) VALUES (%s, %s, 1)
        ON CONFLICT (exporter_id, day) DO UPDATE
        SET views = {DailyViews._meta.db_table}.views + 1
    )
    UPDATE {Exporter._meta.db_table} SET views = views + 1 WHERE id = %s
"""  # noqa: S608 — the names are the models'


def is_reader(request: HttpRequest) -> bool:
    """Return whether a reader opens the page: not a program, a prefetch or staff checking it."""
    agent = request.headers.get("User-Agent", "").casefold()
    return (
        request.method == "GET"
        and "prefetch" not in request.headers.get("Sec-Purpose", "")
        and not any(word in agent for word in _PROGRAMS)
        and not request.user.is_staff
    )


def count_view(exporter: Exporter) -> None:
    """Count a page view. Database errors are logged, so that the page is shown anyway."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(_COUNT, [exporter.pk, clock.now().date(), exporter.pk])
    except DatabaseError as fault:
        logger.warning("page view of %s not counted: %s", exporter.slug, str(fault).strip())
