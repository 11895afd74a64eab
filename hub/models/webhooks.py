"""The deliveries of GitHub's webhook that were taken."""

from django.db import models
from django.utils import timezone

from hub.models.choices import DeliveryAction


class WebhookDelivery(models.Model):
    """A signed delivery. GitHub signs the body alone: the headers may be forged in a replay.

    So the signature is the key, with the event: a push replayed as a ping must not block the push.
    """

    signature = models.CharField(max_length=71, editable=False)
    event = models.CharField(max_length=10)
    guid = models.UUIDField("delivery", null=True)
    action = models.CharField(max_length=10, choices=DeliveryAction.choices)
    received_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        ordering = ["-pk"]
        verbose_name_plural = "webhook deliveries"
        constraints = [
            models.UniqueConstraint(fields=["signature", "event"], name="one_delivery_of_a_body")
        ]

    def __str__(self) -> str:
        return f"{self.event} {self.guid or self.pk}"
