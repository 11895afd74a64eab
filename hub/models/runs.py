"""Abstract base models of runs and their lookups."""

from typing import Any, ClassVar, Self, TypeVar

from django.conf import settings
from django.db import models
from django.db.models import Count, Q, Sum
from django.db.models.functions import Coalesce, Now

from hub import clock
from hub.models.choices import Outcome, Reason, RunStatus, RunTrigger
from hub.models.fields import PastDateTimeField

R = TypeVar("R", bound=models.Model)

_OPEN = [RunStatus.QUEUED.value, RunStatus.LISTING.value, RunStatus.LOOKING_UP.value]


class RunQuerySet(models.QuerySet[R]):
    def open(self) -> Self:
        """Return the runs that have not ended."""
        return self.filter(finished_at__isnull=True)

    def counted(self) -> Self:
        """Annotate the runs with counts of their lookups, newest first."""
        failed = Q(lookups__outcome__in=[Outcome.FAILED, Outcome.MISSING])
        counted = self.annotate(
            to_look_up=Count("lookups"),
            looked_up=Count("lookups", filter=~Q(lookups__outcome=Outcome.PENDING)),
            failed=Count("lookups", filter=failed),
            lookup_requests=Coalesce(Sum("lookups__requests"), 0),
        )
        return counted.order_by("-pk")  # grouping drops the model's default order


class Run(models.Model):
    """A run with its trigger, status and times. `hub.runs.lifecycle` starts and ends all runs."""

    # The lookup field that identifies the object to look up.
    LOOKUP_KEY: ClassVar[str]

    trigger = models.CharField(max_length=10, choices=RunTrigger.choices)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL
    )
    # The objects to look up, by `LOOKUP_KEY`; null for everything that may have changed.
    chosen: models.JSONField[Any, Any] = models.JSONField(null=True, blank=True)

    status = models.CharField(max_length=12, choices=RunStatus.choices, default=RunStatus.QUEUED)
    reason = models.CharField(max_length=20, choices=Reason.choices, blank=True)
    detail = models.CharField(max_length=300, blank=True)

    started_at = PastDateTimeField(default=clock.now)
    deadline = models.DateTimeField()
    # When a step last made progress; housekeeping resends the messages of a stalled run.
    progress_at = models.DateTimeField(default=clock.now, db_default=Now())
    finished_at = PastDateTimeField(null=True)

    class Meta:
        abstract = True
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(finished_at__isnull=True, status__in=_OPEN)
                | Q(finished_at__isnull=False) & ~Q(status__in=_OPEN),
                name="ended_%(class)s_has_an_end",
            )
        ]

    @property
    def is_open(self) -> bool:
        """Whether the run has not ended."""
        return self.finished_at is None

    @property
    def seconds(self) -> float:
        """The duration of the run, until now if it is open."""
        seconds = ((self.finished_at or clock.now()) - self.started_at).total_seconds()
        return max(seconds, 0.0)  # the clock may have been set back


class RunLookup(models.Model):
    """An object that a run looks up, and the outcome. Stored before the task returns."""

    outcome = models.CharField(max_length=8, choices=Outcome.choices, default=Outcome.PENDING)
    reason = models.CharField(max_length=20, choices=Reason.choices, blank=True)
    detail = models.CharField(max_length=300, blank=True)
    requests = models.PositiveSmallIntegerField(default=0)
    finished_at = PastDateTimeField(null=True)

    class Meta:
        abstract = True
