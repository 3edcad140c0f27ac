"""Set what a tenant asks of sign-ins, above a floor that holds everywhere."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from django.db import transaction

from apps.accounts.choices import AttestationPolicy, FallbackKind
from apps.accounts.errors import SignInPolicyInvalidError
from apps.accounts.events import AccountsAction
from apps.accounts.models import SignInPolicy
from apps.accounts.rules import SignInRules
from apps.audit import services as audit
from apps.audit.events import Actor
from apps.tenants.services import require_tenant_id

_LOWEST_RISK = 10
_HIGHEST_RISK = 100


@dataclass(frozen=True)
class SignInValues:
    """What a security admin chose. Passkeys are always accepted."""

    accepted: Sequence[str]
    attestation: str
    aaguids: Sequence[str]
    risk_step_up: int
    risk_block: int


@transaction.atomic
def sign_in_policy_row() -> SignInPolicy:
    """Return the row of the open tenant, made of the defaults if there is none."""
    defaults = SignInRules()
    row, _is_new = SignInPolicy.objects.get_or_create(
        tenant_id=require_tenant_id(),
        defaults={
            "accepted": sorted(defaults.accepted),
            "attestation": defaults.attestation,
            "risk_step_up": defaults.risk_step_up,
            "risk_block": defaults.risk_block,
        },
    )
    return row


@transaction.atomic
def set_sign_in_policy(*, actor: Actor, values: SignInValues) -> SignInPolicy:
    """Store what the open tenant asks of sign-ins. Raises SignInPolicyInvalidError."""
    _check(values)
    sign_in_policy_row()
    row = SignInPolicy.objects.select_for_update().get()
    before = _as_dict(row)
    row.accepted = sorted(set(values.accepted))
    row.attestation = values.attestation
    row.aaguids = sorted({str(uuid.UUID(text)) for text in values.aaguids})
    row.risk_step_up, row.risk_block = values.risk_step_up, values.risk_block
    row.save()
    audit.append(
        actor=actor,
        action=AccountsAction.SIGN_IN_POLICY_CHANGED,
        target_type="SignInPolicy",
        target_id=str(row.pk),
        before=before,
        after=_as_dict(row),
    )
    return row


def _check(values: SignInValues) -> None:
    if set(values.accepted) - set(FallbackKind.values):
        raise SignInPolicyInvalidError("There is no such factor.", field="accepted")
    if values.attestation not in AttestationPolicy.values:
        raise SignInPolicyInvalidError("Choose from the list.", field="attestation")
    for text in values.aaguids:
        try:
            uuid.UUID(text)
        except ValueError as error:
            raise SignInPolicyInvalidError(
                f"“{text}” is no AAGUID.",
                field="aaguids",
                remedy="An AAGUID looks like ee882879-721c-4913-9775-3dfcce97072a.",
            ) from error
    if not _LOWEST_RISK <= values.risk_step_up <= values.risk_block <= _HIGHEST_RISK:
        raise SignInPolicyInvalidError(
            "Risks go from 10 to 100, and asking comes before refusing.",
            field="risk_step_up",
        )


def _as_dict(row: SignInPolicy) -> dict[str, object]:
    return asdict(
        SignInValues(
            list(row.accepted),
            row.attestation,
            list(row.aaguids),
            row.risk_step_up,
            row.risk_block,
        )
    )
