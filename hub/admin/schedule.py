"""django-celery-beat's admin with permission checks for actions and validated query parameters."""

from contextlib import suppress
from typing import Any

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django_celery_beat.admin import ClockedScheduleAdmin, PeriodicTaskAdmin
from django_celery_beat.models import ClockedSchedule, PeriodicTask


class ValidInitialData:
    """Mixin that ignores invalid initial values in the URL, which make date widgets fail."""

    model: Any

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        initial = super().get_changeform_initial_data(request)  # type: ignore[misc]
        valid = {}
        for field in self.model._meta.concrete_fields:
            if field.name in initial:
                with suppress(ValidationError):
                    valid[field.name] = field.to_python(initial[field.name])
        return valid


admin.site.unregister([PeriodicTask, ClockedSchedule])


@admin.register(PeriodicTask)
class HubPeriodicTaskAdmin(ValidInitialData, PeriodicTaskAdmin):
    """Tasks that beat sends, and their schedules."""

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Offer the actions that enable, disable and run tasks only to users who may change one."""
        actions: dict[str, Any] = super().get_actions(request)
        may_change = self.has_change_permission(request)
        return {key: act for key, act in actions.items() if may_change or key not in self.actions}


@admin.register(ClockedSchedule)
class HubClockedScheduleAdmin(ValidInitialData, ClockedScheduleAdmin):
    """Points in time at which beat sends a task once."""
