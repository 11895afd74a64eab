"""Count the findings of a map's directories."""

from django.db import connection

from hub.content.rules.report import Level
from hub.models import ContentTree, ExporterContents

_COUNT = f"""
    SELECT level #>> '{{}}', count(*)
    FROM {ExporterContents._meta.db_table} JOIN {ContentTree._meta.db_table} ON sha = tree_sha,
        jsonb_path_query(judgement, '$.findings[*].level') AS level
    WHERE source = %s GROUP BY 1
"""  # noqa: S608 — the names are the models'


def count_findings(source_key: str) -> dict[str, int]:
    """Return the number of findings of each level.

    A publication stores it, because counting takes too long for each scrape of the hub's metrics.
    """
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, [source_key])
        return dict.fromkeys(map(str, Level), 0) | dict(cursor.fetchall())
