"""What the hub needs of django-celery-beat's admin, with permission checks and valid parameters."""

from contextlib import suppress
from typing import Any

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django_celery_beat.admin import (
    CrontabScheduleAdmin,
    IntervalScheduleAdmin,
    PeriodicTaskAdmin,
)
from django_celery_beat.models import (
    ClockedSchedule,
    CrontabSchedule,
    IntervalSchedule,
    PeriodicTask,
    SolarSchedule,
)


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


class OnlyInForms:
    """Mixin that omits the model from the lists of models: the form of a task opens its rows."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return False


# The hub needs neither the course of the sun nor tasks that are sent once.
admin.site.unregister([ClockedSchedule, SolarSchedule])
admin.site.unregister([PeriodicTask, IntervalSchedule, CrontabSchedule])


@admin.register(IntervalSchedule)
class HubIntervalScheduleAdmin(OnlyInForms, IntervalScheduleAdmin):
    """Intervals at which beat sends a task."""


@admin.register(CrontabSchedule)
class HubCrontabScheduleAdmin(OnlyInForms, CrontabScheduleAdmin):
    """Times of day at which beat sends a task."""


@admin.register(PeriodicTask)
class HubPeriodicTaskAdmin(ValidInitialData, PeriodicTaskAdmin):
    """Tasks that beat sends, and their schedules."""

    list_display = ["name", "enabled", "scheduler", "start_time", "last_run_at"]
    list_filter = ["enabled", "task"]
    change_form_template = None  # the package's has an inline script, which the policy blocks
    _hidden = ("solar", "clocked", "one_off", "crontab_translation")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Omit the fields of schedules that the hub does not need."""
        return [
            (title, {**options, "fields": [x for x in options["fields"] if x not in self._hidden]})
            for title, options in super().get_fieldsets(request, obj)
        ]

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Offer the actions that enable, disable and run tasks only to users who may change one."""
        actions: dict[str, Any] = super().get_actions(request)
        may_change = self.has_change_permission(request)
        return {key: act for key, act in actions.items() if may_change or key not in self.actions}
