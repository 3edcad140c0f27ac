"""Questions about clients and keys of the tenant whose scope is open."""

from __future__ import annotations

import datetime as dt
import re
import uuid

from django.db.models import QuerySet
from django.utils import timezone

from apps.clients.errors import ClientNotFoundError
from apps.clients.models import ApiClient, RevokedToken
from apps.clients.rules import access_tokens, jose
from apps.keys.selectors import token_keys
from apps.tenants.errors import TenantNotFoundError
from apps.tenants.models import Tenant
from apps.tenants.selectors import tenant_by_slug

_CLIENT_ID = re.compile(r"^pwc_([0-9a-f]{32})_[0-9a-f]{24}\Z")


def clients() -> QuerySet[ApiClient]:
    """Return the clients of the tenant, by name."""
    return ApiClient.objects.order_by("name")


def client_by_id(client_id: uuid.UUID) -> ApiClient:
    """Return a client of the tenant or raise ClientNotFoundError."""
    found = ApiClient.objects.filter(pk=client_id).first()
    if found is None:
        raise ClientNotFoundError
    return found


def tenant_id_in(client_id: str) -> uuid.UUID | None:
    """Return the tenant that a client's public name speaks of, or None."""
    found = _CLIENT_ID.match(client_id)
    return uuid.UUID(found[1]) if found else None


def tenant_called(slug: str) -> Tenant | None:
    """Return the tenant with a short name, or None."""
    try:
        return tenant_by_slug(slug)
    except TenantNotFoundError:
        return None


def public_keys(now: dt.datetime) -> list[jose.PublicKey]:
    """Return the keys of the tenant that access tokens may bear.

    A retired key stays until the last token that it signed has ended.
    """
    overlap = access_tokens.LONGEST_LIFETIME + access_tokens.LEEWAY
    return [
        jose.key_from_der(bytes(key.public_key))
        for key in token_keys(retired_since=now - overlap)
    ]


def is_revoked(jti: uuid.UUID) -> bool:
    """Say whether an access token of the tenant was revoked."""
    return RevokedToken.objects.filter(jti=jti).exists()


def working_client(client_id: str) -> ApiClient | None:
    """Return the client of this public name if it is active and not expired."""
    found = ApiClient.objects.filter(client_id=client_id).first()
    return found if found is not None and found.works(timezone.now()) else None
