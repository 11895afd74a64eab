"""The admin site in the hub's name.

Outside `hub.admin`, whose modules register with it: inside, importing the site would register with
a first one and then put a second, empty one in its place.
"""

from django.contrib.admin import AdminSite


class HubAdminSite(AdminSite):
    """Django's admin, titled."""

    site_header = "Exporter Hub"
    site_title = "Exporter Hub admin"
    index_title = "What the hub knows and does"
