"""Access: GitHub tokens, which are checked before they are saved; failed sign-ins; deliveries."""

from datetime import datetime
from typing import Any

from axes.models import AccessAttempt
from django import forms
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
    """Accepts a token, which is never sent back to a browser."""

    secret = forms.CharField(
        label="Token",
        max_length=300,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text="A token that may read the repository's contents; no other right is needed. "
        "Leave empty on a later change to keep the one that is stored.",
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
        """The token, if GitHub accepts it."""
        secret: str = self.cleaned_data["secret"].strip()
        if not secret:
            return str(self.instance.secret)
        try:
            self.quota = shared_client().check(secret)
        except BadToken:
            raise ValidationError(
                "GitHub refuses this token. Is it whole, and has it not expired?"
            ) from None
        except GitHubError as error:
            raise ValidationError(
                f"GitHub could not check this token ({error.reason.label}). Try again."
            ) from None
        return secret


@admin.register(GitHubToken)
class GitHubTokenAdmin(admin.ModelAdmin[GitHubToken]):
    """Tokens with the limits that GitHub last reported."""

    form = GitHubTokenForm
    list_display = ["name", "masked", "state", *_QUOTAS, "used_at"]
    readonly_fields = ["masked", "state", *_QUOTAS, "blocked_until"]
    fields = ["name", "secret", *readonly_fields]

    def has_change_permission(self, request: HttpRequest, obj: GitHubToken | None = None) -> bool:
        """A token of the environment is read-only here."""
        is_fixed = obj is not None and obj.from_environment
        return not is_fixed and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: GitHubToken | None = None) -> bool:
        is_fixed = obj is not None and obj.from_environment
        return not is_fixed and super().has_delete_permission(request, obj)

    def get_fields(self, request: HttpRequest, obj: GitHubToken | None = None) -> Any:
        """Without the secret where it is read-only, for that would show it."""
        if obj is None:
            return ["name", "secret"]
        if self.has_change_permission(request, obj):
            return self.fields
        return ["name", *self.readonly_fields]

    def save_model(self, request: HttpRequest, obj: GitHubToken, form: Any, change: bool) -> None:
        """Store the quota from the check; a replaced token starts without earlier state."""
        if hasattr(form, "quota"):
            obj.state, obj.refusals, obj.blocked_until = TokenState.VALID, 0, None
            for name in _QUOTAS:
                setattr(obj, name, None)
            if form.quota is not None:
                obj.core_limit, obj.core_remaining = form.quota.limit, form.quota.remaining
                obj.core_reset_at = form.quota.reset_at
        super().save_model(request, obj, form, change)


@admin.register(AccessAttempt)
class FailedSignInAdmin(ReadOnly, admin.ModelAdmin[AccessAttempt]):
    """The failures that count at the moment. Deleting them unlocks; nothing else can be done."""

    list_display = ["username", "ip_address", "failures_since_start", "attempt_time", "locked"]
    search_fields = ["username", "ip_address"]
    has_delete_permission = admin.ModelAdmin.has_delete_permission
    fields = ("username", "ip_address", "failures_since_start", "attempt_time", "user_agent")
    readonly_fields = fields

    @admin.display(description="locked until")
    def locked(self, attempt: AccessAttempt) -> datetime | None:
        """When the name may be tried again from that address, by whatever program."""
        alike = AccessAttempt.objects.filter(
            username=attempt.username, ip_address=attempt.ip_address
        )
        return lockout_end(alike)


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ReadOnly, admin.ModelAdmin[WebhookDelivery]):
    """The deliveries, newest first: the ping shows that the webhook is set up."""

    list_display = ["event", "action", "received_at"]
    list_filter = ["event", "action"]
    date_hierarchy = "received_at"
