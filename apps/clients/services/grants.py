"""Believe a client, and decide on the token that it gets."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from apps.accounts.errors import ApiTokenRefusedError
from apps.accounts.services import PersonHolder, authenticate_api_token, is_from
from apps.audit import services as audit
from apps.audit.events import Actor
from apps.clients.choices import JWT_BEARER
from apps.clients.errors import (
    InvalidClientError,
    InvalidGrantError,
    TokenKeyMissingError,
)
from apps.clients.events import ClientsAction
from apps.clients.models import ApiClient, UsedAssertion
from apps.clients.rules import access_tokens, assertions, jose
from apps.clients.rules.addresses import Addresses
from apps.clients.rules.certificates import Certificate
from apps.clients.selectors import tenant_id_in
from apps.keys.choices import KeyState
from apps.keys.models import SigningKey
from apps.keys.selectors import token_key
from apps.tenants.selectors import tenant_by_id
from apps.tenants.services import require_tenant_id, tenant_scope


@dataclass(frozen=True)
class Presented:
    """What came with a request to prove a client."""

    client_id: str
    assertion_type: str
    assertion: str
    certificate: Certificate | None
    address: str


@dataclass(frozen=True)
class Grant:
    """A token that was decided on, and the key that is to sign it."""

    key: SigningKey
    claims: Mapping[str, Any]

    @property
    def scope(self) -> str:
        """Return the scopes as the answer names them."""
        return str(self.claims["scope"])


def authenticate_client(
    *, presented: Presented, addresses: Addresses, now: dt.datetime
) -> ApiClient:
    """Return the client that proved itself, or raise InvalidClientError.

    1. Its name leads to a tenant, and there to a client that is active and not expired.
    2. The request comes from one of its networks.
    3. The certificate that the proxy saw is a registered one that counts now, or
    4. the assertion is signed with a registered key, for us, and was not used before.

    An assertion is used up even if what it asks for is refused afterwards.
    """
    client_id = presented.client_id
    if presented.assertion:
        issuer = assertions.issuer_of(presented.assertion)
        if client_id not in {"", issuer}:
            raise InvalidClientError
        client_id = issuer
    tenant_id = tenant_id_in(client_id)
    if tenant_id is None:
        raise InvalidClientError
    with tenant_scope(tenant_id):
        client = ApiClient.objects.filter(client_id=client_id).first()
        if client is None or not client.works(now):
            raise InvalidClientError
        if not is_from(presented.address, client.networks):
            raise InvalidClientError("The client may not come from this address.")
        if client.uses_certificates:
            _check_certificate(client, presented, now)
        else:
            _check_assertion(client, presented, addresses, now)
        client.last_used_at, client.last_used_from = now, presented.address
        client.save(update_fields=["last_used_at", "last_used_from"])
        return client


@transaction.atomic
def grant_to_client(
    *,
    client: ApiClient,
    certificate: Certificate | None,
    wanted: str,
    addresses: Addresses,
    now: dt.datetime,
) -> Grant:
    """Decide on a token for a client itself (RFC 6749, section 4.4).

    Raises InvalidScopeError, and TokenKeyMissingError without a key to sign with.
    """
    bound = certificate.thumbprint if certificate and client.uses_certificates else ""
    holder = access_tokens.Holder(
        subject=client.client_id,
        client_id=client.client_id,
        scopes=access_tokens.choose_scopes(wanted, client.scopes),
        certificate=bound,
    )
    actor = Actor("system", client.client_id, client.name)
    return _grant(actor, holder, addresses, now)


def believe_personal_token(*, token: str, address: str) -> PersonHolder:
    """Return whom a personal token speaks for, or raise InvalidGrantError."""
    try:
        return authenticate_api_token(token, address=address)
    except ApiTokenRefusedError as error:
        raise InvalidGrantError from error


@transaction.atomic
def grant_to_person(
    *,
    holder: PersonHolder,
    certificate: Certificate | None,
    wanted: str,
    addresses: Addresses,
    now: dt.datetime,
) -> Grant:
    """Decide on a token for the owner of a personal token (RFC 8693, section 2).

    Raises InvalidScopeError, and TokenKeyMissingError without a key to sign with.
    """
    wrapped = access_tokens.Holder(
        subject=str(holder.user.pk),
        client_id=f"{access_tokens.PERSONAL}{holder.token_id}",
        scopes=access_tokens.choose_scopes(wanted, sorted(holder.scopes)),
        certificate=certificate.thumbprint if certificate else "",
        acr=holder.acr,
        amr=holder.amr,
        auth_time=holder.auth_time,
    )
    return _grant(holder.actor, wrapped, addresses, now)


def _grant(
    actor: Actor, holder: access_tokens.Holder, addresses: Addresses, now: dt.datetime
) -> Grant:
    tenant = tenant_by_id(require_tenant_id())
    key = token_key(KeyState.ACTIVE)
    if key is None:
        raise TokenKeyMissingError
    claims = access_tokens.build(
        holder=holder,
        issuer=addresses.issuer(tenant.slug),
        audience=addresses.audience,
        tenant_id=tenant.pk,
        now=now,
    )
    audit.append(
        actor=actor,
        action=ClientsAction.TOKEN_ISSUED,
        target_type="access_token",
        target_id=str(claims["jti"]),
        after={
            "client_id": holder.client_id,
            "subject": holder.subject,
            "scope": str(claims["scope"]),
            "expires_at": int(claims["exp"]),
        },
    )
    return Grant(key, claims)


def _check_certificate(
    client: ApiClient, presented: Presented, now: dt.datetime
) -> None:
    certificate = presented.certificate
    if presented.assertion:
        raise InvalidClientError("This client proves itself by its certificate.")
    if certificate is None or certificate.thumbprint not in client.thumbprints:
        raise InvalidClientError
    if not certificate.counts(now):
        raise InvalidClientError("The certificate has expired or does not count yet.")


def _check_assertion(
    client: ApiClient, presented: Presented, addresses: Addresses, now: dt.datetime
) -> None:
    if presented.assertion_type != JWT_BEARER or not presented.assertion:
        raise InvalidClientError("This client proves itself by a signed assertion.")
    slug = tenant_by_id(client.tenant_id).slug
    proven = assertions.verify(
        presented.assertion,
        client_id=client.client_id,
        keys=_keys_of(client),
        audiences=[addresses.token_endpoint, addresses.issuer(slug)],
        now=now,
    )
    _, is_new = UsedAssertion.objects.get_or_create(
        client=client,
        jti=proven.jti,
        defaults={
            "tenant_id": client.tenant_id,
            # It is refused as expired afterwards, whatever clock its maker has.
            "expires_at": proven.expires_at + assertions.LEEWAY,
        },
    )
    if not is_new:
        raise InvalidClientError("The assertion was used before.")


def _keys_of(client: ApiClient) -> Sequence[jose.PublicKey]:
    return [jose.key_from_jwk(members) for members in client.jwks]
