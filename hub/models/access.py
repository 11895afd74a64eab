"""Access to GitHub: tokens, what GitHub said under each, and what its webhook delivered."""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from encrypted_fields.fields import EncryptedTextField

from hub.models.choices import DeliveryAction, Resource, TokenState


@dataclass(frozen=True)
class Quota:
    """What GitHub last reported of one rate limit of a token."""

    resource: Resource
    limit: int
    remaining: int
    reset_at: datetime

    def left(self, now: datetime) -> int:
        """What is left at `now`: after its reset, GitHub allows all of it again."""
        return self.remaining if self.reset_at > now else self.limit


class GitHubToken(models.Model):
    """A token, encrypted at rest, with the rate limits that GitHub last reported for it."""

    name = models.CharField(max_length=80, unique=True)
    secret: EncryptedTextField = EncryptedTextField("token")
    from_environment = models.BooleanField(default=False, editable=False)
    state = models.CharField(
        max_length=10, choices=TokenState.choices, default=TokenState.UNKNOWN, editable=False
    )
    core_limit = models.PositiveIntegerField(
        null=True, editable=False, help_text="REST requests an hour that GitHub allows."
    )
    core_remaining = models.PositiveIntegerField(null=True, editable=False)
    core_reset_at = models.DateTimeField(null=True, editable=False)
    graphql_limit = models.PositiveIntegerField(
        null=True, editable=False, help_text="GraphQL points an hour that GitHub allows."
    )
    graphql_remaining = models.PositiveIntegerField(null=True, editable=False)
    graphql_reset_at = models.DateTimeField(null=True, editable=False)
    blocked_until = models.DateTimeField(
        null=True, editable=False, help_text="GitHub asked us to wait until then."
    )
    used_at = models.DateTimeField(null=True, editable=False)
    added_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]
        verbose_name = "GitHub token"
        constraints = [
            models.UniqueConstraint(
                fields=["from_environment"],
                condition=Q(from_environment=True),
                name="one_token_from_environment",
            )
        ]

    def __str__(self) -> str:
        return self.name

    def quota(self, resource: Resource) -> Quota | None:
        """What GitHub last reported of one of its rate limits; None before the first answer."""
        limit, remaining, reset_at = (getattr(self, name) for name in quota_fields(resource))
        return None if reset_at is None else Quota(resource, limit, remaining, reset_at)

    @property
    def masked(self) -> str:
        """The token as people may see it: its kind and its last four characters."""
        secret = str(self.secret or "")
        if len(secret) < 12:  # too short to show any of it
            return "••••"
        kind = next((p for p in settings.GITHUB_TOKEN_PREFIXES if secret.startswith(p)), "")
        return f"{kind}••••{secret[-4:]}"


def quota_fields(resource: Resource) -> tuple[str, str, str]:
    """The columns of `GitHubToken` that keep a quota: limit, remaining, reset."""
    return f"{resource}_limit", f"{resource}_remaining", f"{resource}_reset_at"


class ListingETag(models.Model):
    """GitHub's ETag of a branch's root tree, the one answer that can change, for one token.

    It is stored in one transaction with the tree (`TreeListing`), so a 304 always finds its body.
    """

    token = models.ForeignKey(GitHubToken, on_delete=models.CASCADE)
    source = models.CharField(max_length=500)
    etag = models.CharField(max_length=200)
    tree_sha = models.CharField(max_length=64)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["token", "source"], name="one_etag_per_token_and_source"
            )
        ]

    def __str__(self) -> str:
        return self.source


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
