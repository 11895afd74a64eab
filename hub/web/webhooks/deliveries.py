"""What the hub does about a signed delivery, once."""

from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from hub.content.runs import start_refresh
from hub.github.source import configured_source
from hub.models import DeliveryAction, RunTrigger, WebhookDelivery
from hub.web.webhooks import push

PING = "ping"
PUSH = "push"
# A run waits for the rest of a burst: merging a few pull requests is one change of the map.
_DEBOUNCE = 1.0  # seconds


class Replay(Exception):
    """The same signed push was processed before."""


def take_ping(signature: str, guid: UUID | None) -> None:
    """Record GitHub's ping, for the admin to see that the webhook works. It may repeat."""
    defaults = {"guid": guid, "action": DeliveryAction.PONG}
    WebhookDelivery.objects.get_or_create(signature=signature, event=PING, defaults=defaults)


@transaction.atomic  # a push whose run cannot be started is not recorded: GitHub may redeliver it
def take_push(
    payload: object, signature: str, guid: UUID | None
) -> tuple[DeliveryAction, int | None]:
    """Start or join a run if the push concerns the contents; the action and the run's number.

    Raises `Replay`.
    """
    defaults = {"guid": guid, "action": _judge(payload)}
    delivery, new = WebhookDelivery.objects.get_or_create(
        signature=signature, event=PUSH, defaults=defaults
    )
    if not new:
        raise Replay
    if delivery.action != DeliveryAction.BEGUN:
        return DeliveryAction(delivery.action), None
    started = start_refresh(RunTrigger.WEBHOOK, follow_up=True, in_seconds=_DEBOUNCE)
    action = DeliveryAction.BEGUN
    if not started.created:
        action = DeliveryAction.FOLLOWS if started.will_follow else DeliveryAction.JOINED
    delivery.action = action
    delivery.save(update_fields=["action"])
    return action, started.run.pk


def _judge(payload: object) -> DeliveryAction:
    source = configured_source()
    if not push.is_of_source(payload, source):
        return DeliveryAction.ELSEWHERE
    if not push.touches(payload, source.path):
        return DeliveryAction.UNTOUCHED
    return DeliveryAction.BEGUN


def prune_deliveries() -> None:
    """Delete old deliveries. A push so old may then be replayed: its run finds nothing new."""
    before = timezone.now() - settings.HISTORY_KEPT
    WebhookDelivery.objects.filter(received_at__lt=before).delete()
