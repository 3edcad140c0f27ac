"""Personal tokens: shown once, kept as a hash, one person's in one tenant."""

from __future__ import annotations

import datetime as dt
import hashlib
import ipaddress
import re
import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from apps.accounts.choices import Scope
from apps.accounts.errors import ApiTokenInvalidError, ApiTokenRefusedError
from apps.accounts.events import AccountsAction
from apps.accounts.models import ApiToken, Membership, User
from apps.accounts.selectors import scopes_in_scope, token_scopes
from apps.accounts.services.guards import refuse_if_sealed
from apps.accounts.services.trail import actor_for
from apps.audit import services as audit
from apps.audit.events import Actor
from apps.tenants.services import require_tenant_id, tenant_scope

LONGEST_LIFETIME = dt.timedelta(days=90)
MOST_NETWORKS = 20
# Writing down every single use would cost more than the answers.
_NOTE_USE_EVERY = dt.timedelta(minutes=1)
_SHAPE = re.compile(r"^pwt_([0-9a-f]{32})_([A-Za-z0-9_-]{43})\Z")


@dataclass(frozen=True)
class TokenSpec:
    """What is asked of a new token; no networks means any address."""

    name: str
    lifetime: dt.timedelta
    scopes: Sequence[str]
    networks: Sequence[str] = ()


@dataclass(frozen=True)
class TokenProof:
    """How the person had proven themselves when the token was made."""

    acr: str = "none"
    amr: tuple[str, ...] = ()
    auth_time: dt.datetime | None = None


NO_PROOF = TokenProof()


@dataclass(frozen=True)
class TokenHolder:
    """Who a token speaks for, where, and what it lets them do (`request.auth`)."""

    tenant_id: uuid.UUID
    scopes: frozenset[str]
    user: User | None = None
    token_id: uuid.UUID | None = None
    client_id: str = ""
    acr: str = "none"
    amr: tuple[str, ...] = ()
    auth_time: dt.datetime | None = None
    # What the audit trail remembers as the credential.
    credential: str = field(default="")

    @property
    def actor(self) -> Actor:
        """Return the holder as the actor of what they do."""
        if self.user is not None:
            return actor_for(self.user, credential=self.credential)
        return Actor("system", self.client_id, self.client_id, self.credential)


@dataclass(frozen=True)
class PersonHolder(TokenHolder):
    """The holder of a token that stands for a person."""

    user: User
    token_id: uuid.UUID
    # What the token carries on single objects only; see ObjectScopedView.
    object_scopes: frozenset[str] = frozenset()


@transaction.atomic
def issue_api_token(
    *, actor: Actor, user: User, spec: TokenSpec, proof: TokenProof = NO_PROOF
) -> str:
    """Return a new token of a member of the current tenant; it is shown this once.

    Raises ApiTokenInvalidError for a name, lifetime, scope or network that is not
    accepted, and for a scope that the person's own roles do not carry.
    """
    refuse_if_sealed(user)
    tenant_id = require_tenant_id()
    name = spec.name.strip()
    if not name or len(name) > ApiToken.NAME_LENGTH:
        raise ApiTokenInvalidError("Name the program that will use it.", field="name")
    if not dt.timedelta(0) < spec.lifetime <= LONGEST_LIFETIME:
        raise ApiTokenInvalidError(
            "A token lives for 1 to 90 days.", field="days", remedy="Choose fewer days."
        )
    secret = secrets.token_urlsafe(32)
    row = ApiToken.objects.create(
        tenant_id=tenant_id,
        user=user,
        name=name,
        secret_hash=_hash(secret),
        scopes=_own_scopes(user, spec.scopes),
        networks=read_networks(spec.networks),
        acr=proof.acr,
        amr=list(proof.amr),
        auth_time=proof.auth_time,
        expires_at=timezone.now() + spec.lifetime,
    )
    _audit(actor, AccountsAction.API_TOKEN_ISSUED, row)
    return f"pwt_{tenant_id.hex}_{secret}"


@transaction.atomic
def revoke_api_token(
    *, actor: Actor, token_id: uuid.UUID, owner: User | None = None
) -> None:
    """End a token of the current tenant, or only if it is the owner's.

    Without an owner the caller has asked for the role. Ending it again changes nothing.
    """
    rows = ApiToken.objects.select_for_update().filter(
        pk=token_id, revoked_at__isnull=True
    )
    row = (rows if owner is None else rows.filter(user=owner)).first()
    if row is not None:
        row.revoked_at = timezone.now()
        row.save(update_fields=["revoked_at"])
        _audit(actor, AccountsAction.API_TOKEN_REVOKED, row)


def authenticate_api_token(token: str, *, address: str) -> PersonHolder:
    """Return who a token speaks for.

    Raises ApiTokenRefusedError, the same for every reason, so that nothing is told to
    whoever tries tokens out.
    """
    found = _SHAPE.match(token)
    if found is None:
        raise ApiTokenRefusedError
    tenant_id = uuid.UUID(found.group(1))
    with tenant_scope(tenant_id):
        row = _usable().filter(secret_hash=_hash(found.group(2))).first()
        if row is None:
            raise ApiTokenRefusedError
        holder = _holder(row, address)
        _note_use(row, address)
        return holder


def personal_holder(*, token_id: uuid.UUID, address: str | None) -> PersonHolder:
    """Return the holder of a personal token of the current tenant that still works.

    Access tokens that it was exchanged for count only as long. Without an address its
    networks are not looked at. Raises ApiTokenRefusedError.
    """
    row = _usable().filter(pk=token_id).first()
    if row is None:
        raise ApiTokenRefusedError
    return _holder(row, address)


def read_networks(networks: Sequence[str]) -> list[str]:
    """Return networks in their normal form, or raise ApiTokenInvalidError."""
    if len(networks) > MOST_NETWORKS:
        raise ApiTokenInvalidError("At most 20 networks.", field="networks")
    try:
        return [str(ipaddress.ip_network(network)) for network in networks]
    except ValueError as error:
        raise ApiTokenInvalidError(
            f"This is no network: {error}.",
            field="networks",
            remedy="Write networks like 10.1.0.0/16 or 2001:db8::/32.",
        ) from error


def is_from(address: str, networks: Sequence[str]) -> bool:
    """Say whether an address lies in one of the networks; no networks mean any."""
    if not networks:
        return True
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(found in ipaddress.ip_network(network) for network in networks)


def _own_scopes(user: User, wanted: Sequence[str]) -> list[str]:
    own = token_scopes(user)
    if not wanted or not set(wanted) <= set(Scope.values):
        raise ApiTokenInvalidError("Choose what the token is for.", field="scopes")
    if beyond := sorted(set(wanted) - own):
        raise ApiTokenInvalidError(
            f"Your roles here do not let you do this: {', '.join(beyond)}.",
            field="scopes",
            remedy="Choose what you may do yourself.",
        )
    return sorted(set(wanted))


def _usable() -> QuerySet[ApiToken]:
    return ApiToken.objects.select_related("user").filter(
        revoked_at__isnull=True,
        expires_at__gt=timezone.now(),
        user__is_active=True,
    )


def _holder(row: ApiToken, address: str | None) -> PersonHolder:
    own = scopes_in_scope(row.user)
    if not own and not Membership.objects.filter(user=row.user).exists():
        raise ApiTokenRefusedError
    if address is not None and not is_from(address, row.networks):
        raise ApiTokenRefusedError
    return PersonHolder(
        tenant_id=row.tenant_id,
        scopes=frozenset(row.scopes) & own,
        object_scopes=frozenset(row.scopes) & row.user.object_scopes(),
        user=row.user,
        token_id=row.pk,
        acr=row.acr,
        amr=tuple(row.amr),
        auth_time=row.auth_time,
        credential=f"api_token:{row.pk}",
    )


def _note_use(row: ApiToken, address: str) -> None:
    now = timezone.now()
    is_recent = row.last_used_at and now - row.last_used_at <= _NOTE_USE_EVERY
    if not is_recent or row.last_used_from != address:
        row.last_used_at, row.last_used_from = now, address
        row.save(update_fields=["last_used_at", "last_used_from"])


def _hash(secret: str) -> str:
    # The secret has 256 random bits: a plain hash cannot be guessed back.
    return hashlib.sha256(b"portward-api-token-v1\0" + secret.encode()).hexdigest()


def _audit(actor: Actor, action: AccountsAction, row: ApiToken) -> None:
    audit.append(
        actor=actor,
        action=action,
        target_type="api_token",
        target_id=str(row.pk),
        after={
            "name": row.name,
            "user": row.user.username,
            "scopes": row.scopes,
            "networks": row.networks,
            "acr": row.acr,
            "expires_at": row.expires_at.isoformat(),
        },
    )
