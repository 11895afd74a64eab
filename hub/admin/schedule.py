"""Beat's schedule in the admin: django-celery-beat's own classes, for whatever an address says."""

from contextlib import suppress
from typing import Any

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django_celery_beat.admin import ClockedScheduleAdmin, PeriodicTaskAdmin
from django_celery_beat.models import ClockedSchedule, PeriodicTask


class ReadableInitials:
    """Fills a form from the address with what its fields can read, and leaves the rest empty.

    Django hands a text to the widget of a date, which fails.
    """

    model: Any

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """What stands in the fields of a new row's form."""
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


@admin.register(ClockedSchedule)
class HubClockedScheduleAdmin(ReadableInitials, ClockedScheduleAdmin):
    """Moments at which beat sends something once."""
