"""Taking a signed delivery: what the hub does about it, once."""

from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from hub.content.runs import Started, start_run
from hub.github.source import configured_source
from hub.models import DeliveryAction, RunTrigger, WebhookDelivery
from hub.web.webhooks import push

PING = "ping"
PUSH = "push"
# A run waits so long for the rest of a burst: merging a few pull requests is one change of the map.
_DEBOUNCE = 1.0  # seconds


class Replay(Exception):
    """The same signed push was taken before."""


@dataclass(frozen=True)
class Taken:
    """What was done, and the number of the run that was begun or joined."""

    action: DeliveryAction
    run: int | None = None


def take_ping(signature: str, guid: UUID | None) -> Taken:
    """Note GitHub's ping, so that the admin shows that the webhook is set up. It may repeat."""
    action = DeliveryAction.PONG
    WebhookDelivery.objects.get_or_create(
        signature=signature, event=PING, defaults={"guid": guid, "action": action}
    )
    return Taken(action)


def take_push(payload: object, signature: str, guid: UUID | None) -> Taken:
    """Begin or join a run when the push concerns the contents. Raises `Replay`.

    The row and the run are one transaction: a push whose run could not be begun was not taken,
    and GitHub may deliver it again.
    """
    with transaction.atomic():
        delivery, new = WebhookDelivery.objects.get_or_create(
            signature=signature, event=PUSH, defaults={"guid": guid, "action": _judge(payload)}
        )
        if not new:
            raise Replay
        if delivery.action != DeliveryAction.BEGUN:
            return Taken(DeliveryAction(delivery.action))
        started = start_run(RunTrigger.WEBHOOK, follow_up=True, in_seconds=_DEBOUNCE)
        delivery.action = _done(started)
        delivery.save(update_fields=["action"])
    return Taken(delivery.action, started.run.pk)


def _judge(payload: object) -> DeliveryAction:
    """What is to be done about a push: `BEGUN` unless it is none of the hub's business."""
    source = configured_source()
    if not push.is_of_source(payload, source):
        return DeliveryAction.ELSEWHERE
    if not push.touches(payload, source.path):
        return DeliveryAction.UNTOUCHED
    return DeliveryAction.BEGUN


def _done(started: Started) -> DeliveryAction:
    if started.created:
        return DeliveryAction.BEGUN
    return DeliveryAction.FOLLOWS if started.will_follow else DeliveryAction.JOINED


def prune() -> None:
    """Delete old deliveries. A push so old may then be replayed: its run finds nothing new."""
    before = timezone.now() - settings.HISTORY_KEPT
    WebhookDelivery.objects.filter(received_at__lt=before).delete()
