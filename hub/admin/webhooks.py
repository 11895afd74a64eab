"""What GitHub's webhook brought and what was done about it; read-only."""

from django.contrib import admin

from hub.admin.runs import ReadOnly
from hub.models import WebhookDelivery


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ReadOnly, admin.ModelAdmin[WebhookDelivery]):
    """The deliveries, newest first: the ping shows that the webhook is set up."""

    list_display = ["event", "action", "received_at"]
    list_filter = ["event", "action"]
    date_hierarchy = "received_at"
