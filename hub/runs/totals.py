"""Count the runs that have ended, and their lookups, for the hub's own metrics.

Housekeeping deletes old runs and lookups, and a counter must not decrease.
"""

from math import inf
from typing import Any

from django.db.models import Count, QuerySet

from hub.models import Run
from hub.models.totals import LOOKUPS, RUN_BUCKETS, RUN_SECONDS, RUNS, add_to_totals

BUCKETS = (1.0, 5.0, 15.0, 60.0, 300.0, 900.0, inf)  # seconds; 900 is the default deadline


def run_type(model: type[Run]) -> str:
    """Return the label of a model's runs: refresh or facts."""
    return str(model._meta.model_name).removesuffix("run")


def count_run(run: Run, lookups: QuerySet[Any]) -> None:
    """Count a run that has just ended, in the transaction that ends it."""
    labels = {"run": run_type(type(run))}
    bucket = next(limit for limit in BUCKETS if run.seconds <= limit)
    outcomes = lookups.order_by().values_list("outcome", "reason").annotate(Count("pk"))
    add_to_totals(
        [
            (RUNS, labels | {"trigger": run.trigger, "status": run.status}, 1),
            (RUN_SECONDS, labels, run.seconds),
            (RUN_BUCKETS, labels | {"le": str(bucket)}, 1),
            *(
                (LOOKUPS, labels | {"outcome": outcome, "reason": reason}, number)
                for outcome, reason, number in outcomes
            ),
        ]
    )
