"""Link an account at a provider with a person: by subject, and only by proof.

An address or a name that a provider sends never links anybody: who controls what a
provider says could become whoever they name.
"""

from __future__ import annotations

import uuid

from django.db import IntegrityError, transaction

from apps.accounts.models import User
from apps.accounts.services import refuse_if_sealed
from apps.audit import services as audit
from apps.audit.events import Actor
from apps.federation.errors import LinkNotFoundError, LinkTakenError
from apps.federation.events import FederationAction
from apps.federation.models import FederatedLink, IdentityProvider
from apps.federation.selectors import session_name
from apps.signin.choices import EndReason
from apps.signin.services import end_sessions
from apps.tenants.services import require_tenant_id


@transaction.atomic
def link(
    *,
    actor: Actor,
    provider: IdentityProvider,
    user: User,
    subject: str,
    enrollment_link_id: uuid.UUID | None = None,
) -> FederatedLink:
    """Let a provider's subject stand for a person who has proven themselves to us.

    Linking the same two again changes nothing. Raises LinkTakenError and
    SealedAccountError.
    """
    refuse_if_sealed(user)
    known = FederatedLink.objects.filter(
        provider=provider, user=user, subject=subject
    ).first()
    if known is not None:
        return known
    try:
        with transaction.atomic():
            row = FederatedLink.objects.create(
                tenant_id=require_tenant_id(),
                provider=provider,
                user=user,
                subject=subject,
                enrollment_link_id=enrollment_link_id,
            )
    except IntegrityError as error:
        raise LinkTakenError from error
    _audit(actor, FederationAction.PERSON_LINKED, row)
    return row


@transaction.atomic
def unlink(*, actor: Actor, link_id: uuid.UUID, user: User | None = None) -> str:
    """Remove a link of the open tenant, and end the sessions that came by it.

    With `user`, only one of theirs. Return the person's name. Raises LinkNotFoundError.
    """
    row = (
        FederatedLink.objects.select_for_update(of=("self",))
        .select_related("user", "provider__tenant")
        .filter(pk=link_id)
        .first()
    )
    if row is None or (user is not None and row.user_id != user.pk):
        raise LinkNotFoundError
    _audit(actor, FederationAction.PERSON_UNLINKED, row)
    end_sessions(
        actor=actor,
        user=row.user,
        reason=EndReason.PROVIDER,
        provider=session_name(row.provider),
    )
    row.delete()
    return str(row.user)


def _audit(actor: Actor, action: FederationAction, row: FederatedLink) -> None:
    audit.append(
        actor=actor,
        action=action,
        target_type="User",
        target_id=row.user.username,
        context={"provider": row.provider.slug, "subject": row.subject},
    )
