"""django-celery-beat's admin, with guarded actions and robust against odd addresses."""

from contextlib import suppress
from typing import Any

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django_celery_beat.admin import ClockedScheduleAdmin, PeriodicTaskAdmin
from django_celery_beat.models import ClockedSchedule, PeriodicTask


class ReadableInitials:
    """Fills a form from the address with valid values only: others make date widgets fail."""

    model: Any

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        given = super().get_changeform_initial_data(request)  # type: ignore[misc]
        read = {}
        for field in self.model._meta.concrete_fields:
            if field.name in given:
                with suppress(ValidationError):
                    read[field.name] = field.to_python(given[field.name])
        return read


admin.site.unregister([PeriodicTask, ClockedSchedule])


@admin.register(PeriodicTask)
class HubPeriodicTaskAdmin(ReadableInitials, PeriodicTaskAdmin):
    """What beat sends, and when."""

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Only for users who may change an entry: these enable, disable and run tasks."""
        may = self.has_change_permission(request)
        offered: dict[str, Any] = super().get_actions(request)
        return {name: what for name, what in offered.items() if may or name not in self.actions}


@admin.register(ClockedSchedule)
class HubClockedScheduleAdmin(ReadableInitials, ClockedScheduleAdmin):
    """Moments at which beat sends something once."""
