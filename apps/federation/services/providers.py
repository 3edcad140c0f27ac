"""Create, change and suspend providers. Nothing here talks to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.audit import services as audit
from apps.audit.events import Actor
from apps.federation.choices import ClientAuth, ProviderState
from apps.federation.errors import ProviderInvalidError, ProviderTakenError
from apps.federation.events import FederationAction
from apps.federation.models import IdentityProvider
from apps.federation.rules.mapping import ClaimMapping
from apps.federation.services import sealing
from apps.tenants.services import require_tenant_id, tenant_scope


@dataclass(frozen=True)
class ProviderValues:
    """What an admin says about a provider; `secret` is empty to keep the old one."""

    name: str
    slug: str
    issuer: str
    client_id: str
    client_auth: str
    scopes: str = "openid"
    acr_values: str = ""
    max_age: int | None = None
    secret: str = ""

    def public(self) -> dict[str, Any]:
        """Return what may be written down."""
        return {k: v for k, v in vars(self).items() if k != "secret"}


@transaction.atomic
def create_provider(
    *, actor: Actor, values: ProviderValues, metadata: Mapping[str, Any]
) -> IdentityProvider:
    """Let the open tenant's people sign in by a provider that was discovered.

    Raises ProviderInvalidError and ProviderTakenError.
    """
    provider = IdentityProvider(tenant_id=require_tenant_id())
    provider.key_reference = f"{provider.tenant_id}/federation-{provider.pk}"
    provider.metadata, provider.metadata_at = dict(metadata), timezone.now()
    _write(provider, values)
    _audit(actor, FederationAction.PROVIDER_CREATED, provider, after=values.public())
    return provider


@transaction.atomic
def change_provider(
    *,
    actor: Actor,
    provider: IdentityProvider,
    values: ProviderValues,
    metadata: Mapping[str, Any],
) -> IdentityProvider:
    """Change how a provider is reached and asked; issuer and short name stay.

    The subjects that people are linked by mean nothing at another issuer, and the
    addresses that the provider knows are made of the short name. Raises as
    `create_provider` does.
    """
    row = IdentityProvider.objects.select_for_update().get(pk=provider.pk)
    for field in ("issuer", "slug"):
        if getattr(values, field) != getattr(row, field):
            raise ProviderInvalidError(
                f"The {field.replace('slug', 'short name')} of a provider stays.",
                field=field,
                remedy="Suspend this provider and add another one.",
            )
    before = {name: getattr(row, name) for name in values.public()}
    row.metadata, row.metadata_at = dict(metadata), timezone.now()
    _write(row, values)
    _audit(
        actor,
        FederationAction.PROVIDER_CHANGED,
        row,
        before=before,
        after=values.public() | {"secret_changed": bool(values.secret)},
    )
    return row


@transaction.atomic
def change_mapping(
    *, actor: Actor, provider: IdentityProvider, mapping: ClaimMapping
) -> IdentityProvider:
    """Change what a provider's claims are worth, from the next sign-in on."""
    row = IdentityProvider.objects.select_for_update().get(pk=provider.pk)
    before = _as_dict(row.mapping())
    row.acr_map, row.amr_map = dict(mapping.acr), dict(mapping.amr)
    row.group_claim = mapping.group_claim
    row.group_map = {name: list(roles) for name, roles in mapping.groups.items()}
    row.save()
    _audit(
        actor,
        FederationAction.MAPPING_CHANGED,
        row,
        before=before,
        after=_as_dict(mapping),
    )
    return row


@transaction.atomic
def set_state(
    *, actor: Actor, provider: IdentityProvider, state: ProviderState
) -> IdentityProvider:
    """Suspend a provider, or let people sign in by it again."""
    row = IdentityProvider.objects.select_for_update().get(pk=provider.pk)
    if row.state == state:
        return row
    row.state = state
    row.save(update_fields=["state", "updated_at"])
    is_active = state is ProviderState.ACTIVE
    _audit(
        actor,
        FederationAction.PROVIDER_RESUMED
        if is_active
        else FederationAction.PROVIDER_SUSPENDED,
        row,
    )
    return row


def remember_metadata(
    *, provider: IdentityProvider, metadata: Mapping[str, Any]
) -> None:
    """Keep what the provider says about itself today."""
    provider.metadata, provider.metadata_at = dict(metadata), timezone.now()
    with tenant_scope(provider.tenant_id):
        IdentityProvider.objects.filter(pk=provider.pk).update(
            metadata=provider.metadata, metadata_at=provider.metadata_at
        )


def remember_keys(*, provider: IdentityProvider, keys: Mapping[str, Any]) -> None:
    """Keep the keys that the provider signs with today."""
    provider.keys, provider.keys_at = dict(keys), timezone.now()
    with tenant_scope(provider.tenant_id):
        IdentityProvider.objects.filter(pk=provider.pk).update(
            keys=provider.keys, keys_at=provider.keys_at
        )


def client_secret(provider: IdentityProvider) -> str:
    """Return the secret that the provider knows us by, for the adapter alone."""
    if provider.client_auth == ClientAuth.PRIVATE_KEY or not provider.sealed_secret:
        return ""
    return sealing.unseal(
        bytes(provider.sealed_secret), use=sealing.SECRET, owner=provider.pk
    )


def _write(row: IdentityProvider, values: ProviderValues) -> None:
    for name, value in values.public().items():
        setattr(row, name, value)
    if "openid" not in values.scopes.split():
        raise ProviderInvalidError("The scope openid is needed.", field="scopes")
    if values.client_auth == ClientAuth.PRIVATE_KEY:
        row.sealed_secret = b""
    elif values.secret:
        row.sealed_secret = sealing.seal(
            values.secret, use=sealing.SECRET, owner=row.pk
        )
    elif not row.sealed_secret:
        raise ProviderInvalidError("A client secret is needed.", field="secret")
    try:
        entered = values.public().keys()
        fields = {field.name for field in row._meta.fields}  # noqa: SLF001  # Django's documented model API
        row.clean_fields(exclude=fields - entered)
    except ValidationError as error:
        field, messages = next(iter(error.message_dict.items()))
        raise ProviderInvalidError(messages[0], field=field) from error
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError as error:
        raise ProviderTakenError(field="slug") from error


def _as_dict(mapping: ClaimMapping) -> dict[str, Any]:
    return {
        "acr": dict(mapping.acr),
        "amr": dict(mapping.amr),
        "group_claim": mapping.group_claim,
        "groups": {name: list(roles) for name, roles in mapping.groups.items()},
    }


def _audit(
    actor: Actor,
    action: FederationAction,
    provider: IdentityProvider,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    audit.append(
        actor=actor,
        action=action,
        target_type="IdentityProvider",
        target_id=provider.slug,
        before=before,
        after=after,
    )
