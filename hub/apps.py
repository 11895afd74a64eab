"""App configurations of the hub, its admin site and django-axes."""

from axes.apps import AppConfig as AxesConfig
from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class HubConfig(AppConfig):
    """The hub: catalogue, contents, pages, API and admin."""

    name = "hub"
    verbose_name = "Exporter Hub"

    def ready(self) -> None:
        from hub import checks, signals  # noqa: F401 — registers the checks and receivers


class HubAdminConfig(AdminConfig):
    """Django's admin with `HubAdminSite` as the default site."""

    default_site = "hub.admin_site.HubAdminSite"


class LoginsConfig(AxesConfig):
    """django-axes with a descriptive title in the admin."""

    verbose_name = "Failed sign-ins"
