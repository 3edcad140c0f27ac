"""Put an earlier content in force again, as a new version of a higher number."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import transaction
from django.utils import timezone

from apps.audit import services as audit
from apps.audit.events import Actor
from apps.core.errors import PortwardError
from apps.outbox import services as outbox
from apps.outbox.choices import Lane
from apps.policies import selectors
from apps.policies.choices import Act, PolicyState, VersionKind
from apps.policies.errors import (
    DraftStaleError,
    NothingToFreezeError,
    PolicyStateError,
    RequestNeededError,
    VersionNotFoundError,
)
from apps.policies.events import PoliciesAction, PoliciesTopic
from apps.policies.models import Policy, PolicyDraft, PolicyVersion
from apps.policies.rules import Catalogue, CompiledPolicy
from apps.policies.services.drafts import compile_content
from apps.policies.services.lifecycle import (
    lock_policy,
    require_admin,
    require_reason,
    write_act,
)
from apps.policies.services.telling import tell_of_act
from apps.policies.services.versions import Approval, interval_of, require_tested


@transaction.atomic
def roll_back(
    *,
    actor: Actor,
    policy_id: uuid.UUID,
    to_version: int,
    reason: str,
    request_id: uuid.UUID | None = None,
    approval: Approval | None = None,
    catalogue: Catalogue | None = None,
) -> PolicyVersion:
    """Freeze the content of an earlier version as the next one, and make it live.

    It is compiled against what there is today. Without a request it must be the version
    that was live directly before, and compile to the very statements that were
    approved: then it was approved already.

    Raises PolicyNotFoundError, VersionNotFoundError, PolicyStateError,
    ReasonMissingError, NothingToFreezeError, PolicyInvalidError with every reason why
    it no longer compiles, and without a request NotForYouError, RequestNeededError.
    """
    policy = lock_policy(policy_id)
    require_reason(reason)
    catalogue = catalogue or selectors.catalogue()
    newest, target, compiled = _plan(policy, to_version, catalogue, request_id)
    if request_id is None:
        require_admin(actor)
        approval = Approval(target.approvers, target.evidence_digest)
    restored = PolicyDraft(
        policy=policy, content=target.content, statements=compiled.to_json()
    )
    require_tested(restored, policy, catalogue)
    version = PolicyVersion.objects.create(
        **_made_of(actor, newest, target),
        statements=restored.statements,
        cases=selectors.frozen_cases(restored, catalogue),
        digest=compiled.digest,
        # Without a request of its own, the one that approved this content.
        request_id=request_id or target.request_id,
        reason=reason.strip(),
        **_approved(target, approval or Approval()),
    )
    _take_along_draft(policy, newest, version)
    _announce(actor, version)
    row = write_act(
        actor,
        policy,
        Act.ROLL_BACK,
        reason,
        request_id=request_id,
        version=version,
        approvers=version.approvers,
    )
    tell_of_act(policy, row)
    return version


def why_not_roll_back(*, policy: Policy, to_version: int) -> PortwardError | None:
    """Return why rolling back at once would be refused; writes nothing."""
    try:
        _plan(policy, to_version, selectors.catalogue(), None)
    except PortwardError as error:
        return error
    return None


def _plan(
    policy: Policy,
    to_version: int,
    catalogue: Catalogue,
    request_id: uuid.UUID | None,
) -> tuple[PolicyVersion, PolicyVersion, CompiledPolicy]:
    """Return the newest version, the one to restore, and what that compiles to."""
    if policy.state != PolicyState.LIVE:
        raise PolicyStateError(f"“{policy}” is not live, so there is nothing to undo.")
    rows = list(selectors.versions().filter(policy=policy))
    target = next((row for row in rows if row.number == to_version), None)
    if target is None:
        raise VersionNotFoundError(field="to_version")
    compiled = compile_content(target.content, catalogue, policy.slug)
    if request_id is None:
        _require_approved(target, selectors.last_good(rows), compiled)
    newest = rows[0]
    if newest.digest == compiled.digest and newest.effective_from is None:
        raise NothingToFreezeError("That content is in force already.")
    _require_not_over(target)
    return newest, target, compiled


def _require_approved(
    target: PolicyVersion, good: PolicyVersion | None, compiled: CompiledPolicy
) -> None:
    if good is None or good.pk != target.pk:
        raise RequestNeededError(
            "Only the version that was live directly before is approved already."
        )
    if compiled.digest != target.digest:
        raise RequestNeededError(
            "A window, location or role that the version uses has changed since it was "
            "approved, so it would say something else now."
        )


def _require_not_over(target: PolicyVersion) -> None:
    until = target.effective_until
    if until is not None and until <= timezone.now():
        raise DraftStaleError(
            f"Version {target.number} ended on {until:%Y-%m-%d %H:%M} UTC.",
            remedy="Write a new draft with a later end, and propose it.",
        )


def _made_of(
    actor: Actor, newest: PolicyVersion, target: PolicyVersion
) -> dict[str, Any]:
    """Return where a version comes from, and who wrote and restored it."""
    return {
        "tenant_id": target.tenant_id,
        "policy": newest.policy,
        "number": newest.number + 1,
        "content": target.content,
        "author_id": target.author_id,
        "author_name": target.author_name,
        "last_editor_id": uuid.UUID(actor.id) if actor.kind == "user" else None,
        "last_editor_name": actor.name,
        "frozen_by_name": actor.name,
        "kind": VersionKind.ROLLBACK,
        "previous": newest,
        "restores": target,
    }


def _approved(target: PolicyVersion, approval: Approval) -> dict[str, Any]:
    """Return who approved a version, and from when on it counts."""
    return {
        "approvers": [dict(one) for one in approval.approvers],
        "evidence_digest": approval.evidence_digest,
        **interval_of(target.content, approval.activate_at),
    }


def _take_along_draft(
    policy: Policy, newest: PolicyVersion, version: PolicyVersion
) -> None:
    """Let the draft follow, unless somebody is working on it."""
    draft = PolicyDraft.objects.select_for_update().filter(policy=policy).first()
    if draft is None or draft.digest != newest.digest:
        return
    draft.content, draft.statements = version.content, version.statements
    draft.digest, draft.lock = version.digest, draft.lock + 1
    draft.save()
    policy.name = version.content["name"]
    policy.save(update_fields=["name", "updated_at"])


def _announce(actor: Actor, version: PolicyVersion) -> None:
    restored, previous = version.restores, version.previous
    audit.append(
        actor=actor,
        action=PoliciesAction.VERSION_ROLLED_BACK,
        target_type="Policy",
        target_id=version.policy.slug,
        before=previous.content if previous else None,
        after=version.content,
        context={
            "version": version.number,
            "restores": restored.number if restored else None,
            "digest": version.digest,
            "request": str(version.request_id),
            "reason": version.reason,
        },
    )
    outbox.enqueue(
        topic=PoliciesTopic.VERSION_FROZEN,
        payload={
            "request": str(version.request_id),
            "cause": {"act": Act.ROLL_BACK.value, "target": version.policy.slug},
        },
        coalesce_key=f"rollback:{version.pk}",
        lane=Lane.URGENT,
    )
