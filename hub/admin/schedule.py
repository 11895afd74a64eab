"""The schedule that beat follows: django-celery-beat's own admin, with its actions guarded."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django_celery_beat.admin import PeriodicTaskAdmin
from django_celery_beat.models import PeriodicTask

admin.site.unregister(PeriodicTask)


@admin.register(PeriodicTask)
class ScheduleAdmin(PeriodicTaskAdmin):
    """Its actions enable, disable and run tasks, and it offers them to all who may look."""

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Only for those who may change an entry."""
        may = self.has_change_permission(request)
        offered: dict[str, Any] = super().get_actions(request)
        return {name: what for name, what in offered.items() if may or name not in self.actions}
