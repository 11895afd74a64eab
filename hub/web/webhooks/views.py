"""The endpoint `POST /webhooks/github`. Its responses never contain the request body."""

import hashlib
import hmac
import json
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from ninja.errors import HttpError

from hub.web.webhooks.deliveries import PING, PUSH, Replay, take_ping, take_push


@csrf_exempt  # the signature proves where a delivery comes from
@require_POST
def github(request: HttpRequest) -> JsonResponse:
    """Process a delivery, after its signature has been verified."""
    try:
        status, answer = _process(request)
    except HttpError as refusal:
        status, answer = refusal.status_code, {"detail": refusal.message}
    return JsonResponse(answer, status=status)


def _process(request: HttpRequest) -> tuple[int, dict[str, object]]:
    """Return status and body of the response. Raises `HttpError` if the delivery is rejected."""
    secret = settings.GITHUB_WEBHOOK_SECRET
    if not secret:
        raise HttpError(403, "The webhook is off: set GITHUB_WEBHOOK_SECRET here and on GitHub.")
    body = request.body
    signature = request.headers.get("X-Hub-Signature-256", "")
    if not verify(secret, body, signature):
        raise HttpError(401, "X-Hub-Signature-256 does not match the body and the hub's secret.")
    if request.content_type != "application/json":
        raise HttpError(415, "Set the webhook's content type on GitHub to application/json.")
    event = request.headers.get("X-GitHub-Event", "")
    guid: UUID | None
    try:
        guid = UUID(request.headers.get("X-GitHub-Delivery", ""))
    except ValueError:
        guid = None  # not signed, and needed only to find the delivery on GitHub
    if event == PING:
        take_ping(signature, guid)
        return 200, {"detail": "pong: the webhook works"}
    if event != PUSH:
        return 200, {"detail": "ignored: the hub handles push events only"}
    try:
        payload = json.loads(body)
    except (ValueError, RecursionError):
        raise HttpError(400, "The body is not JSON.") from None
    try:
        action, run = take_push(payload, signature, guid)
    except Replay:
        raise HttpError(409, "This push has been processed already.") from None
    if run is None:
        return 200, {"detail": action.label}
    return 202, {"detail": action.label, "run": run}


def sign(secret: str, body: bytes) -> str:
    """Return GitHub's signature of `body` (GitHub Docs, "Validating webhook deliveries")."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def verify(secret: str, body: bytes, header: str) -> bool:
    """Check `header`, the signature of `body`, in constant time; False without a secret."""
    # As bytes: `compare_digest` raises TypeError for text that is not ASCII.
    header_bytes = header.encode("utf-8", "replace")
    return bool(secret) and hmac.compare_digest(sign(secret, body).encode(), header_bytes)
