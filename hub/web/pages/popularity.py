"""How often an exporter's page is opened: what is popular, and what trends."""

import logging

from django.db import DatabaseError, connection
from django.http import HttpRequest
from django.utils import timezone

from hub.models import DailyViews, Exporter

logger = logging.getLogger(__name__)

# In the names that programs give themselves; most of the rest name themselves after a browser.
_PROGRAMS = ("bot", "crawl", "spider", "slurp", "curl/", "wget/", "python-", "go-http", "monitor")

# One statement for both counts, atomic in itself. A page must not wait for whoever holds the rows
# (an import, a refresh of facts): then the view is not counted.
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
    """Whether a person opens the page: no program, no browser that fetches it in advance.

    Those who keep the hub look at pages to see that they are right, and so do not count.
    """
    agent = request.headers.get("User-Agent", "").casefold()
    return (
        request.method == "GET"
        and "prefetch" not in request.headers.get("Sec-Purpose", "")
        and not any(word in agent for word in _PROGRAMS)
        and not request.user.is_staff
    )


def count_view(exporter: Exporter) -> None:
    """Count one opening of the page. What goes wrong is logged: the page is worth more."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(_COUNT, [exporter.pk, timezone.now().date(), exporter.pk])
    except DatabaseError as fault:
        logger.warning("a view of %s was not counted: %s", exporter.slug, str(fault).strip())
