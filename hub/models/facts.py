"""Runs that ask GitHub for the facts of the exporters' repositories, and what it last answered."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.lookups import IsNull
from django.utils import timezone

from hub.models.access import GitHubToken
from hub.models.catalogue import Exporter
from hub.models.choices import FactsPart, FactsStatus, Outcome, Reason, RunTrigger


class FactsRunQuerySet(models.QuerySet["FactsRun"]):
    """Runs, by intent."""

    def open(self) -> "FactsRunQuerySet":
        """Those that have not ended; there is one at most."""
        return self.filter(finished_at__isnull=True)

    def overdue(self, now: datetime) -> "FactsRunQuerySet":
        """Open ones past their deadline."""
        return self.open().filter(deadline__lt=now)


class FactsRun(models.Model):
    """One round of asking: from its trigger to its end.

    Apart from `RefreshRun`: it lists nothing, publishes no snapshot and fences nobody, for each
    exporter's facts stand alone. What they share is how they begin, end and are watched.
    """

    trigger = models.CharField(max_length=10, choices=RunTrigger.choices)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL
    )
    # Ids of the exporters to ask about; null: all.
    chosen: models.JSONField[Any, Any] = models.JSONField(null=True, blank=True)

    status = models.CharField(
        max_length=12, choices=FactsStatus.choices, default=FactsStatus.QUEUED
    )
    reason = models.CharField(max_length=20, choices=Reason.choices, blank=True)
    detail = models.CharField(max_length=300, blank=True)

    started_at = models.DateTimeField(default=timezone.now)
    deadline = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    objects = FactsRunQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            # The index holds one value, and just for open runs: so there is one of them.
            models.UniqueConstraint(
                IsNull(F("finished_at"), True),
                condition=Q(finished_at__isnull=True),
                name="one_open_facts_run",
            )
        ]

    def __str__(self) -> str:
        return f"facts {self.pk}"

    @property
    def is_open(self) -> bool:
        """Whether the run has not ended."""
        return self.finished_at is None

    @property
    def seconds(self) -> float:
        """How long the run took, or has taken so far."""
        return ((self.finished_at or timezone.now()) - self.started_at).total_seconds()

    def finish(self, status: FactsStatus, reason: str = "", detail: str = "") -> None:
        """Write the end into the row."""
        self.status, self.reason, self.detail = status, reason, detail[:300]
        self.finished_at = timezone.now()
        self.save(update_fields=["status", "reason", "detail", "finished_at"])


class FactsLookup(models.Model):
    """One exporter that a run asks about, and the outcome. Written before its task returns."""

    run = models.ForeignKey(FactsRun, on_delete=models.CASCADE, related_name="lookups")
    exporter = models.ForeignKey(Exporter, on_delete=models.CASCADE, related_name="facts_lookups")
    outcome = models.CharField(max_length=8, choices=Outcome.choices, default=Outcome.PENDING)
    changed = models.BooleanField(default=False, help_text="Something was new.")
    reason = models.CharField(max_length=20, choices=Reason.choices, blank=True)
    detail = models.CharField(max_length=300, blank=True)
    requests = models.PositiveSmallIntegerField(default=0)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["run", "exporter"], name="one_facts_lookup_a_run")
        ]

    def __str__(self) -> str:
        return f"{self.run_id}: {self.exporter_id}"


class FactsETag(models.Model):
    """GitHub's ETag of a part of an exporter's facts, by the token that it was given to.

    It is stored in one transaction with what it describes, so a 304 always finds that. When one
    token brings something new, the others' ETags go: they describe what was there before.
    """

    exporter = models.ForeignKey(Exporter, on_delete=models.CASCADE, related_name="etags")
    token = models.ForeignKey(GitHubToken, on_delete=models.CASCADE)
    part = models.CharField(max_length=10, choices=FactsPart.choices)
    url = models.CharField(max_length=300)
    etag = models.CharField(max_length=200)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["exporter", "token", "part"], name="one_etag_per_token_and_part"
            )
        ]

    def __str__(self) -> str:
        return self.url
