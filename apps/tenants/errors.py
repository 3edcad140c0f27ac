"""Failures of tenancy."""

from apps.core.errors import ConflictError, InvalidError, NotFoundError


class TenantContextMissingError(RuntimeError):
    """Tenant rows were asked for with no tenant scope open: a bug of ours."""


class TenantSlugTakenError(ConflictError):
    """Another tenant has this slug already."""

    code = "tenants.slug_taken"
    default_message = "Another tenant uses this short name."
    default_remedy = "Choose another short name."


class TenantInvalidError(InvalidError):
    """The description of a tenant cannot be accepted."""

    code = "tenants.invalid"


class TenantNotFoundError(NotFoundError):
    """There is no such tenant."""

    code = "tenants.not_found"
    default_message = "There is no such tenant."
