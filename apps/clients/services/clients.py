"""Register clients, rotate their keys, suspend and delete them."""

from __future__ import annotations

import datetime as dt
import secrets
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.accounts.choices import Scope
from apps.accounts.errors import ApiTokenInvalidError
from apps.accounts.services import read_networks
from apps.audit import services as audit
from apps.audit.events import Actor
from apps.clients.choices import CERTIFICATE_METHODS, AuthMethod, ClientState
from apps.clients.errors import (
    ClientInvalidError,
    ClientNameTakenError,
    ClientNotFoundError,
)
from apps.clients.events import ClientsAction
from apps.clients.models import ApiClient
from apps.clients.rules import certificates, jose
from apps.tenants.services import require_tenant_id

LONGEST_LIFETIME = dt.timedelta(days=366)
MOST_KEYS = 5


@dataclass(frozen=True)
class ClientSpec:
    """What is asked of a client; no networks means any address."""

    name: str
    auth_method: str
    scopes: Sequence[str]
    lifetime: dt.timedelta
    networks: Sequence[str] = ()


@transaction.atomic
def create_client(
    *,
    actor: Actor,
    spec: ClientSpec,
    keys: Sequence[jose.PublicKey] = (),
    thumbprints: Sequence[str] = (),
) -> ApiClient:
    """Return a new client of the current tenant.

    Raises ClientInvalidError and ClientNameTakenError.
    """
    tenant_id = require_tenant_id()
    client = ApiClient(
        tenant_id=tenant_id,
        client_id=f"pwc_{tenant_id.hex}_{secrets.token_hex(12)}",
        auth_method=_known_method(spec.auth_method),
        **_fields(spec),
    )
    _set_credentials(client, keys, thumbprints)
    _save(client, force_insert=True)
    _audit(actor, ClientsAction.CREATED, client)
    return client


@transaction.atomic
def change_client(*, actor: Actor, client_id: uuid.UUID, spec: ClientSpec) -> ApiClient:
    """Change what a client is called, may do, from where, and until when.

    How it proves itself stays; a client that shall do so otherwise is another one.
    """
    client = _locked(client_id)
    before = _describe(client)
    for name, value in _fields(spec).items():
        setattr(client, name, value)
    _save(client)
    _audit(actor, ClientsAction.CHANGED, client, before)
    return client


@transaction.atomic
def replace_credentials(
    *,
    actor: Actor,
    client_id: uuid.UUID,
    keys: Sequence[jose.PublicKey] = (),
    thumbprints: Sequence[str] = (),
) -> ApiClient:
    """Set the keys or certificates of a client; several let it change them in peace."""
    client = _locked(client_id)
    before = _describe(client)
    _set_credentials(client, keys, thumbprints)
    _save(client)
    _audit(actor, ClientsAction.KEYS_CHANGED, client, before)
    return client


@transaction.atomic
def set_state(*, actor: Actor, client_id: uuid.UUID, state: ClientState) -> ApiClient:
    """Suspend a client, or let it work again; its tokens count accordingly at once."""
    client = _locked(client_id)
    if client.state != state:
        client.state = state
        _save(client)
        is_over = state == ClientState.SUSPENDED
        action = ClientsAction.SUSPENDED if is_over else ClientsAction.RESUMED
        _audit(actor, action, client)
    return client


@transaction.atomic
def delete_client(*, actor: Actor, client_id: uuid.UUID) -> None:
    """Delete a client; its tokens stop working at once."""
    client = _locked(client_id)
    _audit(actor, ClientsAction.DELETED, client)
    client.delete()


def read_keys(text: str) -> list[jose.PublicKey]:
    """Return the public keys in a JWK, a JWK set or PEM blocks.

    Raises ClientInvalidError.
    """
    try:
        return jose.read_public_keys(text)
    except jose.JoseRefusedError as error:
        raise ClientInvalidError(str(error), field="keys") from error


def read_thumbprints(lines: Sequence[str]) -> list[str]:
    """Return the thumbprints of certificates or of digests, one a line or PEM."""
    try:
        return [certificates.thumbprint(line) for line in lines]
    except certificates.CertificateRefusedError as error:
        raise ClientInvalidError(str(error), field="certificates") from error


def _fields(spec: ClientSpec) -> dict[str, Any]:
    name = spec.name.strip()
    if not name or len(name) > ApiClient.NAME_LENGTH:
        raise ClientInvalidError("Name the program.", field="name")
    if not dt.timedelta(0) < spec.lifetime <= LONGEST_LIFETIME:
        raise ClientInvalidError("A client lives for at most a year.", field="days")
    if not spec.scopes or not set(spec.scopes) <= set(Scope.values):
        raise ClientInvalidError("Choose what the client may do.", field="scopes")
    try:
        networks = read_networks(spec.networks)
    except ApiTokenInvalidError as error:
        raise ClientInvalidError(
            error.message, field="networks", remedy=error.remedy
        ) from error
    return {
        "name": name,
        "scopes": sorted(set(spec.scopes)),
        "networks": networks,
        "expires_at": timezone.now() + spec.lifetime,
    }


def _known_method(method: str) -> AuthMethod:
    try:
        return AuthMethod(method)
    except ValueError as error:
        raise ClientInvalidError(
            "Choose how the client proves itself.", field="auth_method"
        ) from error


def _set_credentials(
    client: ApiClient, keys: Sequence[jose.PublicKey], thumbprints: Sequence[str]
) -> None:
    takes_keys = client.auth_method not in CERTIFICATE_METHODS
    given: Sequence[object] = keys if takes_keys else thumbprints
    field = "keys" if takes_keys else "certificates"
    if not 0 < len(given) <= MOST_KEYS or (thumbprints if takes_keys else keys):
        raise ClientInvalidError(f"Register 1 to {MOST_KEYS} {field}.", field=field)
    if len({key.kid for key in keys}) != len(keys):
        raise ClientInvalidError("Two keys have the same kid.", field=field)
    client.jwks = [key.as_jwk() for key in keys]
    client.thumbprints = list(dict.fromkeys(thumbprints))


def _locked(client_id: uuid.UUID) -> ApiClient:
    found = ApiClient.objects.select_for_update().filter(pk=client_id).first()
    if found is None:
        raise ClientNotFoundError
    return found


def _save(client: ApiClient, *, force_insert: bool = False) -> None:
    try:
        with transaction.atomic():
            client.save(force_insert=force_insert)
    except IntegrityError as error:
        raise ClientNameTakenError(field="name") from error


def _describe(client: ApiClient) -> dict[str, Any]:
    return {
        "name": client.name,
        "client_id": client.client_id,
        "auth_method": str(client.auth_method),
        "keys": sorted(str(key["kid"]) for key in client.jwks),
        "certificates": sorted(client.thumbprints),
        "scopes": client.scopes,
        "networks": client.networks,
        "state": str(client.state),
        "expires_at": client.expires_at.isoformat(),
    }


def _audit(
    actor: Actor,
    action: ClientsAction,
    client: ApiClient,
    before: Mapping[str, Any] | None = None,
) -> None:
    audit.append(
        actor=actor,
        action=action,
        target_type="ApiClient",
        target_id=str(client.pk),
        before=before,
        after=_describe(client),
    )
