"""Counters in Postgres for the hub's own metrics."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from django.db import connection, models

# The values of `Total.metric`. A histogram has two: the sum, and the observations in each bucket.
RUNS = "runs"
RUN_SECONDS = "run_duration_seconds_sum"
RUN_BUCKETS = "run_duration_seconds_bucket"
LOOKUPS = "lookups"
WEBHOOK_DELIVERIES = "webhook_deliveries"


class Total(models.Model):
    """A counter of a metric. It never decreases, although the rows that it counts are deleted."""

    metric = models.CharField(max_length=80)
    labels: models.JSONField[Any, Any] = models.JSONField()
    value = models.FloatField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["metric", "labels"], name="one_total_per_labels")
        ]

    def __str__(self) -> str:
        return f"{self.metric} {self.labels}"


# Sorted, so that two transactions never wait for each other.
_ADD = f"""
    INSERT INTO {Total._meta.db_table} AS total (metric, labels, value)
    SELECT metric, labels::jsonb, value
    FROM unnest(%s::text[], %s::text[], %s::float8[]) AS added (metric, labels, value)
    ORDER BY metric, labels::jsonb
    ON CONFLICT (metric, labels) DO UPDATE SET value = total.value + excluded.value
"""  # noqa: S608 — the name is the model's


def add_to_totals(added: Iterable[tuple[str, Mapping[str, str], float]]) -> None:
    """Add amounts to counters, each given as metric, labels and amount.

    Call it once in the transaction that stores what is counted.
    """
    metrics, labels, values = zip(*added, strict=True)
    with connection.cursor() as cursor:
        cursor.execute(_ADD, [list(metrics), [json.dumps(each) for each in labels], list(values)])
