"""Make our site the one that `@admin.register` fills."""

from django.contrib.admin.apps import AdminConfig


class PortalAdminConfig(AdminConfig):
    """The admin application with our own site."""

    default_site = "portal.admin_site.PortalAdminSite"
