"""Process signed webhook deliveries, each exactly once."""

from dataclasses import replace
from uuid import UUID

from django.conf import settings
from django.db import transaction

from hub import clock
from hub.content.runs import start_refresh
from hub.github.renames import current_name
from hub.github.source import configured_source
from hub.models import DeliveryAction, RunTrigger, WebhookDelivery
from hub.models.totals import WEBHOOK_DELIVERIES, add_to_totals
from hub.web.webhooks import push

PING = "ping"
PUSH = "push"
# Delay a run, so that several pushes within a second share one run.
_DEBOUNCE = 1.0  # seconds


class Replay(Exception):
    """The same signed push has been processed already."""


def take_ping(signature: str, guid: UUID | None) -> None:
    """Record GitHub's ping, so that the admin shows that the webhook works. May be repeated."""
    defaults = {"guid": guid, "action": DeliveryAction.PONG}
    with transaction.atomic():
        _, new = WebhookDelivery.objects.get_or_create(
            signature=signature, event=PING, defaults=defaults
        )
        if new:
            _count(DeliveryAction.PONG)


@transaction.atomic  # a push whose run cannot be started is not recorded: GitHub may redeliver it
def take_push(
    payload: object, signature: str, guid: UUID | None
) -> tuple[DeliveryAction, int | None]:
    """Start or join a run if contents change. Return action and run id. Raises `Replay`."""
    defaults = {"guid": guid, "action": _judge(payload)}
    delivery, new = WebhookDelivery.objects.get_or_create(
        signature=signature, event=PUSH, defaults=defaults
    )
    if not new:
        raise Replay
    if delivery.action != DeliveryAction.STARTED:
        _count(delivery.action)
        return DeliveryAction(delivery.action), None
    started = start_refresh(RunTrigger.WEBHOOK, follow_up=True, in_seconds=_DEBOUNCE)
    if not started.created:
        follows = started.will_follow
        delivery.action = DeliveryAction.FOLLOWS if follows else DeliveryAction.JOINED
        delivery.save(update_fields=["action"])
    _count(delivery.action)
    return DeliveryAction(delivery.action), started.run.pk


def _count(action: str) -> None:
    """Count a delivery for the hub's own metrics: its row is deleted after some time."""
    add_to_totals([(WEBHOOK_DELIVERIES, {"action": action}, 1)])


def _judge(payload: object) -> DeliveryAction:
    source = configured_source()
    source = replace(source, renamed_to=current_name(source.repository))
    if not push.is_of_source(payload, source):
        return DeliveryAction.ELSEWHERE
    if not push.touches(payload, source.path):
        return DeliveryAction.UNTOUCHED
    return DeliveryAction.STARTED


def prune_deliveries() -> None:
    """Delete old deliveries. They could be replayed then, but such a run finds no change."""
    before = clock.now() - settings.HISTORY_KEPT
    WebhookDelivery.objects.filter(received_at__lt=before).delete()
