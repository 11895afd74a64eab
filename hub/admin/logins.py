"""Failed sign-ins, and unlocking."""

from datetime import datetime
from typing import Any

from axes.models import AccessAttempt
from django.contrib import admin

from hub.accounts.login_throttle import end_of_lock


@admin.register(AccessAttempt)
class FailedSignInAdmin(admin.ModelAdmin[AccessAttempt]):
    """The failures that count at the moment. Deleting them unlocks; nothing else can be done."""

    list_display = ["username", "ip_address", "failures_since_start", "attempt_time", "locked"]
    search_fields = ["username", "ip_address"]
    fields = ("username", "ip_address", "failures_since_start", "attempt_time", "user_agent")
    readonly_fields = fields

    def has_add_permission(self, *_: Any) -> bool:
        return False

    def has_change_permission(self, *_: Any) -> bool:
        return False

    @admin.display(description="locked until")
    def locked(self, attempt: AccessAttempt) -> datetime | None:
        """When the name may be tried again from that address, by whatever program."""
        alike = AccessAttempt.objects.filter(
            username=attempt.username, ip_address=attempt.ip_address
        )
        return end_of_lock(alike)
