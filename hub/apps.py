"""The Django app, and the admin site in the hub's name."""

from axes.apps import AppConfig as AxesConfig
from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class HubConfig(AppConfig):
    """The hub: catalogue, contents, pages, API and admin."""

    name = "hub"
    verbose_name = "Exporter Hub"

    def ready(self) -> None:
        from hub import signals  # noqa: F401 — connects the receivers


class HubAdminConfig(AdminConfig):
    """Django's admin with the hub's own site as the default one."""

    default_site = "hub.admin_site.HubAdminSite"


class LoginsConfig(AxesConfig):
    """django-axes under a name that says in the admin what it is."""

    verbose_name = "Failed sign-ins"
