"""Access to GitHub: tokens and what GitHub said under each."""

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Q
from encrypted_fields.fields import EncryptedTextField

from hub.models.choices import TokenState


class GitHubTokenQuerySet(models.QuerySet["GitHubToken"]):
    """Tokens, by intent."""

    def usable(self, now: datetime) -> "GitHubTokenQuerySet":
        """Those that GitHub would answer to at this moment."""
        return self.exclude(state=TokenState.INVALID).filter(
            Q(blocked_until__isnull=True) | Q(blocked_until__lte=now)
        )


class GitHubToken(models.Model):
    """A token, encrypted at rest, with the limits that GitHub last reported for it."""

    name = models.CharField(max_length=80, unique=True)
    secret: EncryptedTextField = EncryptedTextField("token")
    from_environment = models.BooleanField(default=False, editable=False)
    state = models.CharField(
        max_length=10, choices=TokenState.choices, default=TokenState.UNKNOWN, editable=False
    )
    limit = models.PositiveIntegerField(
        null=True, editable=False, help_text="Requests an hour that GitHub allows."
    )
    remaining = models.PositiveIntegerField(null=True, editable=False)
    reset_at = models.DateTimeField(null=True, editable=False)
    blocked_until = models.DateTimeField(
        null=True, editable=False, help_text="GitHub asked us to wait until then."
    )
    used_at = models.DateTimeField(null=True, editable=False)
    added_at = models.DateTimeField(auto_now_add=True)

    objects = GitHubTokenQuerySet.as_manager()

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
    def masked(self) -> str:
        """The token as people may see it: its kind and its last four characters."""
        secret = str(self.secret or "")
        if len(secret) < 12:  # too short to show any of it
            return "••••"
        kind = next((p for p in settings.GITHUB_TOKEN_PREFIXES if secret.startswith(p)), "")
        return f"{kind}••••{secret[-4:]}"


class ListingETag(models.Model):
    """GitHub's ETag of the one address that can change: the root tree of the branch.

    An ETag belongs to the token it was given to, and is stored in one transaction with the tree
    that it describes (`TreeListing`), so a 304 always finds its body.
    """

    token = models.ForeignKey(GitHubToken, on_delete=models.CASCADE)
    url = models.CharField(max_length=500)
    etag = models.CharField(max_length=200)
    tree_sha = models.CharField(max_length=64)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["token", "url"], name="one_etag_per_token_and_url")
        ]

    def __str__(self) -> str:
        return self.url
