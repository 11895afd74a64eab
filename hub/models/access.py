"""GitHub access: tokens with their rate limits, ETags and webhook deliveries."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.db.models import Q

from hub import clock
from hub.models.choices import DeliveryAction, Resource, TokenState
from hub.models.fields import PastDateTimeField, SecretField, is_encrypted

_MAX_WAIT = timedelta(hours=1)  # as in `hub.github.responses`


def is_pending(until: datetime | None) -> bool:
    """Return whether a wait for GitHub has not ended. One of more than an hour is invalid."""
    # It was calculated by a clock that was ahead.
    return until is not None and clock.now() < until <= clock.now() + _MAX_WAIT + clock.TOLERANCE


@dataclass(frozen=True)
class Quota:
    """A rate limit of a token, as GitHub last reported it."""

    resource: Resource
    limit: int
    remaining: int
    reset_at: datetime

    @property
    def left(self) -> int:
        """The number of requests left: all of them after the reset."""
        return self.remaining if is_pending(self.reset_at) else self.limit


class GitHubToken(models.Model):
    """A GitHub token, encrypted at rest, with its last reported rate limits."""

    MAX_REFUSALS = 3  # runs in a row with a 401, after which the token is not tried again

    name = models.CharField(max_length=80, unique=True)
    secret: SecretField = SecretField("token")
    from_environment = models.BooleanField(default=False, editable=False)
    state = models.CharField(
        max_length=10, choices=TokenState.choices, default=TokenState.UNKNOWN, editable=False
    )
    refusals = models.PositiveSmallIntegerField(
        default=0,
        db_default=0,
        editable=False,
        help_text="Runs in a row in which GitHub answered 401.",
    )
    core_limit = models.PositiveIntegerField(
        null=True, editable=False, help_text="GitHub's limit of REST requests per hour."
    )
    core_remaining = models.PositiveIntegerField(null=True, editable=False)
    core_reset_at = models.DateTimeField(null=True, editable=False)
    graphql_limit = models.PositiveIntegerField(
        null=True, editable=False, help_text="GitHub's limit of GraphQL points per hour."
    )
    graphql_remaining = models.PositiveIntegerField(null=True, editable=False)
    graphql_reset_at = models.DateTimeField(null=True, editable=False)
    blocked_until = models.DateTimeField(
        null=True, editable=False, help_text="End of a secondary rate limit."
    )
    used_at = PastDateTimeField(null=True, editable=False)
    expires_at = models.DateTimeField(
        null=True,
        editable=False,
        help_text="When the token expires, as GitHub last said; empty if it does not expire.",
    )
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

    @property
    def label(self) -> str:
        """The token's name in metrics; its number if someone put a token into the name."""
        secret = str(self.secret)
        is_secret = any(part in self.name for part in (secret, *settings.GITHUB_TOKEN_PREFIXES))
        return f"token {self.pk}" if is_secret else self.name

    def quota(self, resource: Resource) -> Quota | None:
        """Return the last reported quota of a rate limit; None before the first response."""
        limit, remaining, reset_at = (getattr(self, name) for name in quota_fields(resource))
        return None if reset_at is None else Quota(resource, limit, remaining, reset_at)

    @property
    def is_blocked(self) -> bool:
        """Whether GitHub asked the hub to wait, because of a secondary rate limit."""
        return is_pending(self.blocked_until)

    @property
    def is_retried(self) -> bool:
        """Whether the next run tries the token again although GitHub rejected it."""
        return self.refusals < self.MAX_REFUSALS

    @property
    def is_readable(self) -> bool:
        """Whether the hub's keys can decrypt the token. Otherwise it must not be sent."""
        return not is_encrypted(str(self.secret))

    @property
    def masked(self) -> str:
        """The token for display: its prefix and its last four characters."""
        secret = str(self.secret or "")
        if not self.is_readable:
            return "cannot be decrypted"
        if len(secret) < 12:  # too short to show any of it
            return "••••"
        kind = next((p for p in settings.GITHUB_TOKEN_PREFIXES if secret.startswith(p)), "")
        return f"{kind}••••{secret[-4:]}"


def quota_fields(resource: Resource) -> tuple[str, str, str]:
    """Return the `GitHubToken` fields of a quota: limit, remaining, reset."""
    return f"{resource}_limit", f"{resource}_remaining", f"{resource}_reset_at"


class ListingETag(models.Model):
    """The ETag of a branch's root tree, per token. Trees requested by SHA never change.

    It is stored in the same transaction as the `TreeListing`, so a 304 always has stored data.
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


class RenamedRepository(models.Model):
    """A repository that was renamed or transferred: GitHub redirects its former name."""

    former = models.CharField(max_length=140, primary_key=True)  # OWNER/NAME in lower case
    current = models.CharField(max_length=140)
    path = models.CharField(max_length=200, help_text="Start of the API's paths.")
    seen_at = models.DateTimeField(help_text="When GitHub last redirected the former name.")

    def __str__(self) -> str:
        return f"{self.former} → {self.current}"


class WebhookDelivery(models.Model):
    """A signed webhook delivery. GitHub signs only the body: a replay can have forged headers.

    Signature and event are the key, so that a push replayed as a ping does not block the push.
    """

    signature = models.CharField(max_length=71, editable=False)
    event = models.CharField(max_length=10)
    guid = models.UUIDField("delivery", null=True)
    action = models.CharField(max_length=10, choices=DeliveryAction.choices)
    received_at = PastDateTimeField(default=clock.now, db_index=True)

    class Meta:
        ordering = ["-pk"]
        verbose_name_plural = "webhook deliveries"
        constraints = [
            models.UniqueConstraint(fields=["signature", "event"], name="one_delivery_of_a_body")
        ]

    def __str__(self) -> str:
        return f"{self.event} {self.guid or self.pk}"
