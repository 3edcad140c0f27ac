"""Open the scope of a tenant, and create tenants.

The scope is a PostgreSQL setting that lasts as long as the transaction, so a pooled
connection cannot carry it to somebody else. With no scope open, row level security
shows nothing and refuses writes; the guard below turns that silence into an error.
"""

from __future__ import annotations

import contextlib
import contextvars
import functools
import re
import uuid
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import connection, transaction

from apps.tenants.errors import (
    TenantContextMissingError,
    TenantInvalidError,
    TenantSlugTakenError,
)
from apps.tenants.models import Tenant, TenantModel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.db.backends.base.base import BaseDatabaseWrapper

_current: contextvars.ContextVar[uuid.UUID | None] = contextvars.ContextVar(
    "portward_tenant", default=None
)
_DML = re.compile(r"^\s*(SELECT|INSERT|UPDATE|DELETE|WITH|DECLARE)\b", re.IGNORECASE)


def current_tenant_id() -> uuid.UUID | None:
    """Return the tenant whose scope is open, or None."""
    return _current.get()


def require_tenant_id() -> uuid.UUID:
    """Return the tenant whose scope is open.

    Raises TenantContextMissingError when none is.
    """
    tenant_id = _current.get()
    if tenant_id is None:
        raise TenantContextMissingError("no tenant scope is open")
    return tenant_id


@contextlib.contextmanager
def tenant_scope(tenant_id: uuid.UUID | str) -> Iterator[None]:
    """Open one transaction in which the rows of one tenant are visible."""
    wanted = uuid.UUID(str(tenant_id))
    outer = _current.get()
    token = _current.set(wanted)
    try:
        with transaction.atomic():
            _set_tenant(str(wanted))
            yield
            # A released savepoint keeps the inner value, a rolled back one does not.
            if not connection.needs_rollback:
                _set_tenant(str(outer or ""))
    finally:
        _current.reset(token)


@contextlib.contextmanager
def user_rows(user_id: uuid.UUID) -> Iterator[None]:
    """Open a transaction in which a user may read the rows about themselves."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('app.user_id', %s, true)", [str(user_id)])
        yield
        if not connection.needs_rollback:
            cursor.execute("SELECT set_config('app.user_id', '', true)")


@transaction.atomic
def create_tenant(*, actor: object, slug: str, name: str) -> Tenant:
    """Create a tenant; the caller audits it inside the new tenant's scope.

    Raises TenantInvalidError and TenantSlugTakenError.
    """
    if actor is None:
        raise TypeError("an actor is required")
    tenant = Tenant(slug=slug, name=name)
    try:
        tenant.clean_fields()
    except ValidationError as error:
        field, messages = next(iter(error.message_dict.items()))
        raise TenantInvalidError(messages[0], field=field) from error
    if Tenant.objects.filter(slug=slug).exists():
        raise TenantSlugTakenError(field="slug")
    tenant.save(force_insert=True)
    return tenant


def guard_query(
    execute: Callable[..., Any],
    sql: str,
    params: Any,  # noqa: ANN401  # Django passes whatever the cursor accepts
    many: bool,  # noqa: FBT001  # the signature is Django's
    context: dict[str, Any],
) -> Any:  # noqa: ANN401
    """Fail loudly where row level security would silently show nothing."""
    if _current.get() is None and _DML.match(sql):
        touched = _tenant_tables().search(sql)
        if touched and touched.group(1) not in _OWN_ROW_TABLES:
            raise TenantContextMissingError(f"no tenant scope is open for: {sql[:120]}")
    return execute(sql, params, many, context)


def install_guard(connection: BaseDatabaseWrapper, **_kwargs: object) -> None:
    """Add the guard to a new connection (receiver of connection_created)."""
    if guard_query not in connection.execute_wrappers:
        connection.execute_wrappers.append(guard_query)


# These tables also show people the rows about themselves, without a tenant scope.
_OWN_ROW_TABLES = frozenset({"accounts_membership"})


@functools.cache
def _tenant_tables() -> re.Pattern[str]:
    tables = [
        model._meta.db_table  # noqa: SLF001  # Django's documented model API
        for model in apps.get_models()
        if issubclass(model, TenantModel)
    ]
    return re.compile(r'"(' + "|".join(sorted(tables) or ["-"]) + r')"')


def _set_tenant(value: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('app.tenant_id', %s, true)", [value])
