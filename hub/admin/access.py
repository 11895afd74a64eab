"""Admin for GitHub tokens, failed sign-ins and webhook deliveries."""

from datetime import datetime
from typing import Any

from axes.models import AccessAttempt
from django import forms
from django.conf import settings
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from hub.accounts.login_throttle import lockout_end
from hub.admin.runs import ReadOnly
from hub.github.client import shared_client
from hub.github.errors import BadToken, GitHubError
from hub.models import GitHubToken, Resource, TokenState, WebhookDelivery
from hub.models.access import quota_fields

_QUOTAS = [name for resource in Resource for name in quota_fields(resource)]


class GitHubTokenForm(forms.ModelForm[GitHubToken]):
    """Form for a token. GitHub checks it before it is saved; it is never sent to a browser."""

    secret = forms.CharField(
        label="Token",
        max_length=300,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text="A GitHub token with read access to the repository's contents. "
        "To keep the stored token, leave this empty.",
    )

    class Meta:
        model = GitHubToken
        fields = ["name", "secret"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial.pop("secret", None)
        if "secret" in self.fields:
            self.fields["secret"].required = self.instance.pk is None

    def clean_secret(self) -> str:
        """Return the token and store its quota. Raise `ValidationError` if GitHub rejects it."""
        secret: str = self.cleaned_data["secret"].strip()
        if not secret:
            return str(self.instance.secret)
        try:
            self.quota = shared_client().check(secret)
        except BadToken:
            raise ValidationError(
                "GitHub rejected this token. Check that you copied all of it and that it has not "
                "expired, then try again."
            ) from None
        except GitHubError as error:
            raise ValidationError(
                f"GitHub could not check this token: {error.reason.label}. ({error})"
            ) from None
        return secret


@admin.register(GitHubToken)
class GitHubTokenAdmin(admin.ModelAdmin[GitHubToken]):
    """GitHub tokens with the rate limits that GitHub last reported."""

    form = GitHubTokenForm
    list_display = ["name", "masked", "state", *_QUOTAS, "used_at"]
    readonly_fields = ["masked", "state", *_QUOTAS, "blocked_until", "expires_at", "added_at"]
    fields = ["name", "secret", *readonly_fields]

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Refuse filters by the secret in the URL: many of them would reveal its ciphertext."""
        return not lookup.startswith("secret") and super().lookup_allowed(lookup, value, request)

    def has_change_permission(self, request: HttpRequest, obj: GitHubToken | None = None) -> bool:
        """Return False for the token from `GITHUB_TOKEN`: the environment defines it."""
        return not (obj and obj.from_environment) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: GitHubToken | None = None) -> bool:
        return not (obj and obj.from_environment) and super().has_delete_permission(request, obj)

    def get_fields(self, request: HttpRequest, obj: GitHubToken | None = None) -> Any:
        """Omit the secret when it is read-only, because Django would then display it."""
        if obj is None:
            return ["name", "secret"]
        if self.has_change_permission(request, obj):
            return self.fields
        return ["name", *self.readonly_fields]

    def save_model(self, request: HttpRequest, obj: GitHubToken, form: Any, change: bool) -> None:
        """Store the quota from the check and reset the state of a replaced token."""
        if hasattr(form, "quota"):
            obj.state, obj.refusals = TokenState.VALID, 0
            obj.blocked_until = obj.expires_at = None
            for name in _QUOTAS:
                setattr(obj, name, None)
            if form.quota is not None:
                obj.core_limit, obj.core_remaining = form.quota.limit, form.quota.remaining
                obj.core_reset_at = form.quota.reset_at
        super().save_model(request, obj, form, change)


@admin.register(AccessAttempt)
class FailedSignInAdmin(ReadOnly, admin.ModelAdmin[AccessAttempt]):
    """Recent failed sign-ins. Deleting them removes the lock; they cannot be edited."""

    list_display = ["username", "ip_address", "failures_since_start", "attempt_time", "locked"]
    search_fields = ["username", "ip_address"]
    has_delete_permission = admin.ModelAdmin.has_delete_permission
    fields = ("username", "ip_address", "failures_since_start", "attempt_time", "user_agent")
    readonly_fields = fields

    @admin.display(description="locked until")
    def locked(self, attempt: AccessAttempt) -> datetime | None:
        """Return when this username can sign in again from this address, with any user agent."""
        same = AccessAttempt.objects.filter(
            username=attempt.username, ip_address=attempt.ip_address
        )
        return lockout_end(same, settings.AXES_FAILURE_LIMIT)


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ReadOnly, admin.ModelAdmin[WebhookDelivery]):
    """Webhook deliveries, newest first. A `ping` event shows that the webhook is configured."""

    list_display = ["event", "action", "received_at"]
    list_filter = ["event", "action"]
    date_hierarchy = "received_at"
