"""The admin site in the hub's name."""

from django.contrib.admin import AdminSite


class HubAdminSite(AdminSite):
    """Django's admin, titled."""

    site_header = "Exporter Hub"
    site_title = "Exporter Hub admin"
    index_title = "What the hub knows and does"
