"""Judge access tokens that come back: at the API, to be revoked, or asked about."""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from apps.accounts.errors import ApiTokenRefusedError
from apps.accounts.services import PersonHolder, TokenHolder, is_from, personal_holder
from apps.audit import services as audit
from apps.audit.events import Actor
from apps.clients import selectors
from apps.clients.errors import AccessTokenRefusedError, UnauthorizedClientError
from apps.clients.events import ClientsAction
from apps.clients.models import ApiClient, RevokedToken, UsedAssertion
from apps.clients.rules import access_tokens, jose
from apps.clients.rules.access_tokens import Claims
from apps.clients.rules.addresses import Addresses
from apps.clients.rules.certificates import Certificate
from apps.tenants.services import tenant_scope


@dataclass(frozen=True)
class Surroundings:
    """Where and when a token is shown."""

    addresses: Addresses
    address: str
    certificate: Certificate | None
    now: dt.datetime


def authenticate_access_token(token: str, around: Surroundings) -> TokenHolder:
    """Return who an access token speaks for, or raise AccessTokenRefusedError.

    1. Its issuer names one of our tenants; until proven, that is a hint only.
    2. Type, key, algorithm, signature, issuer, audience, times and tenant hold.
    3. It was not revoked.
    4. If it is bound to a certificate, that one was shown (RFC 8705, section 3).
    5. Its client is active and may come from this address, or its person is still a
       member, the personal token still works, and neither frozen nor elsewhere.
    """
    tenant_id, claims = read_access_token(token, around)
    if claims.certificate and (
        around.certificate is None
        or around.certificate.thumbprint != claims.certificate
    ):
        raise AccessTokenRefusedError("it is bound to another certificate")
    with tenant_scope(tenant_id):
        return _holder(tenant_id, claims, around.address)


def read_access_token(token: str, around: Surroundings) -> tuple[uuid.UUID, Claims]:
    """Return the tenant and the claims of a token that holds and was not revoked."""
    try:
        issuer = jose.peek(token).claims.get("iss")
    except jose.JoseRefusedError as error:
        raise AccessTokenRefusedError(str(error)) from error
    tenant = selectors.tenant_called(around.addresses.slug_of(issuer))
    if tenant is None:
        raise AccessTokenRefusedError("iss is none of ours")
    with tenant_scope(tenant.pk):
        claims = access_tokens.check(
            token,
            keys=selectors.public_keys(around.now),
            addresses=around.addresses,
            slug=tenant.slug,
            tenant_id=tenant.pk,
            now=around.now,
        )
        if selectors.is_revoked(claims.jti):
            raise AccessTokenRefusedError("it was revoked")
    return tenant.pk, claims


def revoke_access_token(
    *, client: ApiClient | None, token: str, around: Surroundings
) -> None:
    """End an access token (RFC 7009, section 2.1); an unknown one is no error.

    A client ends its own. A token of a person needs no client: it proves itself.
    Raises UnauthorizedClientError for somebody else's.
    """
    try:
        tenant_id, claims = read_access_token(token, around)
    except AccessTokenRefusedError:
        return
    is_own = client is not None and client.client_id == claims.client_id
    if not is_own and claims.personal_token is None:
        raise UnauthorizedClientError("The token was given to another client.")
    with tenant_scope(tenant_id), transaction.atomic():
        _, is_new = RevokedToken.objects.get_or_create(
            jti=claims.jti,
            defaults={
                "tenant_id": tenant_id,
                "expires_at": claims.expires_at + access_tokens.LEEWAY,
            },
        )
        if is_new:
            audit.append(
                actor=Actor("system", claims.client_id, claims.client_id),
                action=ClientsAction.TOKEN_REVOKED,
                target_type="access_token",
                target_id=str(claims.jti),
            )


def introspect(
    *, client: ApiClient, token: str, around: Surroundings
) -> dict[str, Any]:
    """Return what a token of the client's tenant says (RFC 7662, section 2.2).

    Of one that does not count, or is another tenant's, nothing but that is told.
    """
    try:
        tenant_id, claims = read_access_token(token, around)
        if tenant_id != client.tenant_id:
            return {"active": False}
        with tenant_scope(tenant_id):
            holder = _holder(tenant_id, claims, None)
    except AccessTokenRefusedError:
        return {"active": False}
    scope = " ".join(sorted(holder.scopes))
    return {**claims.everything, "active": True, "token_type": "Bearer", "scope": scope}


@transaction.atomic
def forget_expired(*, now: dt.datetime) -> int:
    """Forget assertions and revocations that are refused as expired by now anyway."""
    rows = [
        UsedAssertion.objects.filter(expires_at__lt=now).delete()[0],
        RevokedToken.objects.filter(expires_at__lt=now).delete()[0],
    ]
    return sum(rows)


def _holder(tenant_id: uuid.UUID, claims: Claims, address: str | None) -> TokenHolder:
    """Return whom a proven token speaks for; without an address it is not looked at."""
    if claims.personal_token is not None:
        return _personal(claims, claims.personal_token, address)
    client = selectors.working_client(claims.client_id)
    if client is None or claims.subject != client.client_id:
        raise AccessTokenRefusedError("the client is suspended, expired or gone")
    if address is not None and not is_from(address, client.networks):
        raise AccessTokenRefusedError("the client may not come from there")
    return TokenHolder(
        tenant_id=tenant_id,
        # What the client may no longer do, its tokens may not either.
        scopes=claims.scopes & frozenset(client.scopes),
        client_id=client.client_id,
        credential=f"access_token:{claims.jti}",
    )


def _personal(claims: Claims, token_id: uuid.UUID, address: str | None) -> PersonHolder:
    try:
        holder = personal_holder(token_id=token_id, address=address)
    except ApiTokenRefusedError as error:
        raise AccessTokenRefusedError("the personal token is over") from error
    if str(holder.user.pk) != claims.subject:
        raise AccessTokenRefusedError("sub is not the owner")
    return PersonHolder(
        tenant_id=holder.tenant_id,
        scopes=claims.scopes & holder.scopes,
        user=holder.user,
        token_id=holder.token_id,
        client_id=claims.client_id,
        acr=claims.acr,
        amr=holder.amr,
        auth_time=holder.auth_time,
        credential=f"access_token:{claims.jti}",
    )
