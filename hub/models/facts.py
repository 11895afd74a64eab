"""Models of facts runs, their lookups, and the ETags of the facts."""

from typing import ClassVar, Self

from django.db import models
from django.db.models import F, Manager, Q
from django.db.models.lookups import IsNull

from hub.models.access import GitHubToken
from hub.models.catalogue import Exporter
from hub.models.choices import FactsPart
from hub.models.runs import Run, RunLookup, RunQuerySet


class FactsRun(Run):
    """A run that fetches facts. It publishes no snapshot."""

    LOOKUP_KEY = "exporter_id"

    objects: ClassVar[Manager[Self]] = RunQuerySet.as_manager()

    class Meta(Run.Meta):
        constraints = [
            *Run.Meta.constraints,
            # All open runs have the same value in this index, so at most one can be open.
            models.UniqueConstraint(
                IsNull(F("finished_at"), True),
                condition=Q(finished_at__isnull=True),
                name="one_open_facts_run",
            ),
        ]

    def __str__(self) -> str:
        return f"facts {self.pk}"


class FactsLookup(RunLookup):
    """An exporter whose facts a run looks up."""

    run = models.ForeignKey(FactsRun, on_delete=models.CASCADE, related_name="lookups")
    exporter = models.ForeignKey(Exporter, on_delete=models.CASCADE, related_name="facts_lookups")
    changed = models.BooleanField(default=False, help_text="Whether the lookup changed any facts.")

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["run", "exporter"], name="one_facts_lookup_a_run")
        ]

    def __str__(self) -> str:
        return f"{self.run_id}: {self.exporter_id}"


class FactsETag(models.Model):
    """The ETag of a part of an exporter's facts, per token.

    It is stored in the same transaction as the facts, so a 304 always has stored data.
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
