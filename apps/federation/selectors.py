"""Questions about providers, links and sign-ins under way."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db.models import Count, QuerySet
from django.utils import timezone

from apps.accounts.models import Membership, User
from apps.accounts.selectors import membership_in, tenants_of
from apps.federation.choices import ProviderState
from apps.federation.errors import ProviderNotFoundError
from apps.federation.models import FederatedLink, IdentityProvider
from apps.federation.rules import mapping
from apps.federation.rules.mapping import ClaimMapping
from apps.tenants.errors import TenantNotFoundError
from apps.tenants.selectors import tenant_by_slug
from apps.tenants.services import tenant_scope

METADATA_LIFETIME = dt.timedelta(hours=24)
KEYS_LIFETIME = dt.timedelta(hours=1)
# A token by an unknown key makes us look again, but not each time somebody sends one.
KEYS_REST = dt.timedelta(minutes=1)


@dataclass(frozen=True)
class Addresses:
    """The addresses of ours that a provider has to know."""

    redirect: str
    keys: str
    logout: str
    signed_out: str


def addresses(provider: IdentityProvider) -> Addresses:
    """Return what is entered at the provider.

    Each provider has a redirect address of its own, so that an answer cannot be passed
    off as another's (RFC 9700, section 4.4.2.1).
    """
    base = (
        f"{settings.PORTWARD_WEB_URL}/auth/oidc/{provider.tenant.slug}/{provider.slug}"
    )
    return Addresses(
        redirect=f"{base}/callback",
        keys=f"{base}/keys",
        logout=f"{base}/backchannel-logout",
        signed_out=f"{base}/signed-out/",
    )


def session_name(provider: IdentityProvider) -> str:
    """Return the name by which sessions remember the provider."""
    return f"{provider.tenant.slug}/{provider.slug}"


def sign_in_choices(tenant_slug: str) -> list[IdentityProvider]:
    """Return the providers that people of a tenant may sign in by.

    An unknown tenant has none, and costs the same questions to the database.
    """
    with tenant_scope(_tenant_id(tenant_slug)):
        return list(active_providers())


def find_provider(tenant_slug: str, provider_slug: str) -> IdentityProvider:
    """Return an active provider by its address, or raise ProviderNotFoundError."""
    with tenant_scope(_tenant_id(tenant_slug)):
        found = active_providers().filter(slug=provider_slug).first()
    if found is None:
        raise ProviderNotFoundError
    return found


def active_providers() -> QuerySet[IdentityProvider]:
    """Return the providers of the open tenant that are not suspended."""
    return IdentityProvider.objects.filter(state=ProviderState.ACTIVE).select_related(
        "tenant"
    )


def providers_with_counts() -> QuerySet[IdentityProvider]:
    """Return the providers of the open tenant and how many people each is linked to."""
    return IdentityProvider.objects.select_related("tenant").annotate(
        link_count=Count("links")
    )


def mapped_elsewhere(link: FederatedLink) -> set[str]:
    """Return the roles that other providers of the tenant map to the link's person."""
    others = FederatedLink.objects.filter(user_id=link.user_id).exclude(pk=link.pk)
    return {role for other in others for role in other.mapped_roles}


def link_of(provider: IdentityProvider, subject: str) -> FederatedLink | None:
    """Return the link of a provider's subject in the open tenant."""
    return (
        FederatedLink.objects.select_related("user", "provider")
        .filter(provider=provider, subject=subject)
        .first()
    )


def links_of(user: User) -> list[FederatedLink]:
    """Return a person's links in all their tenants."""
    found: list[FederatedLink] = []
    for tenant in tenants_of(user):
        with tenant_scope(tenant.pk):
            found += FederatedLink.objects.filter(user=user).select_related(
                "provider__tenant"
            )
    return found


def roles_now(user: User, tenant_id: uuid.UUID) -> list[str] | None:
    """Return a person's roles in a tenant, None if they do not belong to it."""
    membership: Membership | None = membership_in(user, tenant_id)
    return list(membership.roles) if membership is not None else None


def is_metadata_stale(provider: IdentityProvider) -> bool:
    """Say whether the provider's description has to be read again."""
    return _is_older(provider.metadata_at, METADATA_LIFETIME)


def are_keys_stale(provider: IdentityProvider) -> bool:
    """Say whether the provider's keys have to be read again."""
    return _is_older(provider.keys_at, KEYS_LIFETIME)


def may_look_for_keys(provider: IdentityProvider) -> bool:
    """Say whether an unknown key is a reason to read the keys again."""
    return _is_older(provider.keys_at, KEYS_REST)


def _is_older(at: dt.datetime | None, lifetime: dt.timedelta) -> bool:
    return at is None or timezone.now() - at > lifetime


def _tenant_id(slug: str) -> uuid.UUID:
    try:
        return tenant_by_slug(slug).pk
    except TenantNotFoundError:
        return uuid.uuid4()


@dataclass(frozen=True)
class PersonPreview:
    """What a mapping would make of one linked person, by their last claims."""

    person: str
    before: tuple[str, ...]
    after: tuple[str, ...]
    level: str
    is_change: bool


@dataclass(frozen=True)
class Preview:
    """What a mapping would make of some claims, and of the people who are linked."""

    groups: tuple[str, ...]
    roles: tuple[str, ...]
    level: str
    reason: str
    people: list[PersonPreview]
    without_claims: int


def preview(
    provider: IdentityProvider,
    proposed: ClaimMapping,
    *,
    sample: Mapping[str, Any] | None,
) -> Preview:
    """Return what a mapping would do, without doing any of it."""
    now = int(timezone.now().timestamp())
    claims = last_claims(provider) if sample is None else sample
    sure = mapping.assurance(proposed, claims, now=now)
    links = list(provider.links.select_related("user"))
    return Preview(
        groups=mapping.groups_of(proposed, claims),
        roles=mapping.roles_from(proposed, claims),
        level=sure.level.label,
        reason=sure.reason,
        people=[_preview(link, proposed, now) for link in links if link.last_claims],
        without_claims=sum(not link.last_claims for link in links),
    )


def last_claims(provider: IdentityProvider) -> dict[str, Any]:
    """Return the claims of the last sign-in by the provider, empty before the first."""
    link = (
        provider.links.exclude(last_used_at=None)
        .exclude(last_claims={})
        .order_by("-last_used_at")
        .first()
    )
    return dict(link.last_claims) if link is not None else {}


def _preview(link: FederatedLink, proposed: ClaimMapping, now: int) -> PersonPreview:
    current = roles_now(link.user, link.tenant_id)
    after = current or []
    wanted = mapping.roles_from(proposed, link.last_claims)
    if (
        proposed.group_claim
        and proposed.groups
        and (current is not None or (link.left_by_mapping and wanted))
    ):
        others = mapped_elsewhere(link)
        change = mapping.apply_roles(
            current=current or (),
            mapped_before=others.union(link.mapped_roles),
            wanted=others.union(wanted),
        )
        after = list(change.roles)
    return PersonPreview(
        person=str(link.user),
        before=tuple(current or ()),
        after=tuple(after),
        level=mapping.assurance(proposed, link.last_claims, now=now).level.label,
        is_change=set(after) != set(current or ()),
    )
