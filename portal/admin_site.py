"""The admin site: who may enter, and what frames every page."""

from django.contrib.admin import AdminSite


class PortalAdminSite(AdminSite):
    """The console of the portal."""

    site_header = "Portward"
    site_title = "Portward"
    index_title = "Overview"
