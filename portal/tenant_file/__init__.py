"""Tenants described in YAML: read strictly, loaded through the services of the UI."""

from portal.tenant_file.errors import TenantFileError
from portal.tenant_file.loading import Loaded, load_tenant

__all__ = ["Loaded", "TenantFileError", "load_tenant"]
