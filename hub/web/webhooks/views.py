"""`POST /webhooks/github`: checks and answers. The body is never shown."""

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
    """A delivery: its signature is verified before anything else."""
    try:
        status, answer = _take(request)
    except HttpError as refusal:
        status, answer = refusal.status_code, {"detail": refusal.message}
    return JsonResponse(answer, status=status)


def _take(request: HttpRequest) -> tuple[int, dict[str, object]]:
    """The status and the answer of an accepted delivery. Raises `HttpError`."""
    secret = settings.GITHUB_WEBHOOK_SECRET
    if not secret:
        raise HttpError(403, "The webhook is off: set GITHUB_WEBHOOK_SECRET here and at GitHub.")
    body = request.body
    signature = request.headers.get("X-Hub-Signature-256", "")
    if not verify(secret, body, signature):
        raise HttpError(401, "X-Hub-Signature-256 is not this body's under the hub's secret.")
    if request.content_type != "application/json":
        raise HttpError(415, "Choose the content type application/json in the webhook at GitHub.")
    event = request.headers.get("X-GitHub-Event", "")
    guid: UUID | None
    try:
        guid = UUID(request.headers.get("X-GitHub-Delivery", ""))
    except ValueError:
        guid = None  # it is not signed, and only helps to find the delivery at GitHub
    if event == PING:
        take_ping(signature, guid)
        return 200, {"detail": "pong: the hub takes pushes from here"}
    if event != PUSH:
        return 200, {"detail": "ignored: the hub takes pushes only"}
    try:
        payload = json.loads(body)
    except (ValueError, RecursionError):
        raise HttpError(400, "The body is not JSON.") from None
    try:
        action, run = take_push(payload, signature, guid)
    except Replay:
        raise HttpError(409, "This push was taken before.") from None
    if run is None:
        return 200, {"detail": action.label}
    return 202, {"detail": action.label, "run": run}


def sign(secret: str, body: bytes) -> str:
    """The header that GitHub sends with `body` ("Validating webhook deliveries", GitHub Docs)."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def verify(secret: str, body: bytes, header: str) -> bool:
    """Whether `header` is the signature of `body`, in constant time; never without a secret."""
    # As bytes, for `compare_digest` refuses text that is not ASCII.
    header_bytes = header.encode("utf-8", "replace")
    return bool(secret) and hmac.compare_digest(sign(secret, body).encode(), header_bytes)
