"""What every run has: a trigger, a status and an end, and lookups with an outcome each."""

from typing import Any, ClassVar, Self, TypeVar

from django.conf import settings
from django.db import models
from django.db.models import Count, Q, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from hub.models.choices import Outcome, Reason, RunStatus, RunTrigger

R = TypeVar("R", bound=models.Model)

_OPEN = [RunStatus.QUEUED.value, RunStatus.LISTING.value, RunStatus.LOOKING_UP.value]


class RunQuerySet(models.QuerySet[R]):
    """Runs, by intent."""

    def open(self) -> Self:
        """Those that have not ended."""
        return self.filter(finished_at__isnull=True)

    def counted(self) -> Self:
        """Newest first, each with the counts of its lookups."""
        failed = Q(lookups__outcome__in=[Outcome.FAILED, Outcome.MISSING])
        counted = self.annotate(
            to_look_up=Count("lookups"),
            looked_up=Count("lookups", filter=~Q(lookups__outcome=Outcome.PENDING)),
            failed=Count("lookups", filter=failed),
            lookup_requests=Coalesce(Sum("lookups__requests"), 0),
        )
        return counted.order_by("-pk")  # a grouped query forgets the model's own order


class Run(models.Model):
    """A run from its trigger to its end. `hub.runs.lifecycle` starts and ends all of them."""

    # The field of a lookup that names what is looked up.
    LOOKUP_KEY: ClassVar[str]

    trigger = models.CharField(max_length=10, choices=RunTrigger.choices)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL
    )
    # What to look up, by `LOOKUP_KEY`; null: everything that may have changed.
    chosen: models.JSONField[Any, Any] = models.JSONField(null=True, blank=True)

    status = models.CharField(max_length=12, choices=RunStatus.choices, default=RunStatus.QUEUED)
    reason = models.CharField(max_length=20, choices=Reason.choices, blank=True)
    detail = models.CharField(max_length=300, blank=True)

    started_at = models.DateTimeField(default=timezone.now)
    deadline = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

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
        """How long the run took, or has taken so far."""
        return ((self.finished_at or timezone.now()) - self.started_at).total_seconds()


class RunLookup(models.Model):
    """One thing that a run looks up, and the outcome. Written before its task returns."""

    outcome = models.CharField(max_length=8, choices=Outcome.choices, default=Outcome.PENDING)
    reason = models.CharField(max_length=20, choices=Reason.choices, blank=True)
    detail = models.CharField(max_length=300, blank=True)
    requests = models.PositiveSmallIntegerField(default=0)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True
