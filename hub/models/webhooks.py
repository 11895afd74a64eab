"""The deliveries of GitHub's webhook that were taken."""

from django.db import models
from django.utils import timezone

from hub.models.choices import DeliveryAction


class WebhookDelivery(models.Model):
    """A signed delivery. GitHub signs the body alone, so a body is what is known again.

    The headers that name the event and the delivery can be changed by whoever sends a body a
    second time: the event is part of the key (a push sent as a ping must not stand in the way of
    the push), the delivery's GUID serves to find it at GitHub.
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
