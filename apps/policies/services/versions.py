"""Freeze approved drafts into versions."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from apps.audit import services as audit
from apps.audit.events import Actor
from apps.outbox import services as outbox
from apps.policies import selectors
from apps.policies.choices import PolicyState
from apps.policies.errors import (
    DraftNotFoundError,
    DraftStaleError,
    NothingToFreezeError,
    PolicyInvalidError,
    PolicyStateError,
    TestsFailedError,
)
from apps.policies.events import PoliciesAction, PoliciesTopic
from apps.policies.models import Policy, PolicyDraft, PolicyVersion
from apps.policies.rules import Catalogue
from apps.policies.rules.terms import instant_of
from apps.policies.services.drafts import compile_content


@dataclass(frozen=True)
class Approval:
    """What a version remembers of the request that approved it.

    `approvers` have an id and a name each; `activate_at` is when it counts at the
    earliest.
    """

    approvers: Sequence[Mapping[str, str]] = ()
    evidence_digest: str = ""
    activate_at: dt.datetime | None = None


def interval_of(
    content: Mapping[str, Any], activate_at: dt.datetime | None = None
) -> dict[str, dt.datetime | None]:
    """Return the columns that say when a version counts.

    Raises DraftStaleError for a version that would be over before it begins.
    """
    start = instant_of(content.get("effective_from", ""))
    end = instant_of(content.get("effective_until", ""))
    start = max(filter(None, [start, activate_at]), default=None)
    if start and end and end <= start:
        raise DraftStaleError("The policy would end before it begins to count.")
    return {"effective_from": start, "effective_until": end}


@transaction.atomic
def freeze_version(
    *,
    actor: Actor,
    draft_id: uuid.UUID,
    expected_digest: str,
    request_id: uuid.UUID,
    catalogue: Catalogue | None = None,
    approval: Approval | None = None,
    is_rehearsal: bool = False,
) -> PolicyVersion:
    """Freeze a draft as the next version of its policy, and make it live.

    It counts from the start that it names on, and from when its approval says at the
    earliest. A suspended policy stays suspended until it is resumed.

    The digest is what was approved. The draft is compiled once more: a window, role or
    resource may have changed since, and what goes live must be what was signed. A
    caller that freezes many drafts in one transaction may pass the catalogue it has
    read in it. In a rehearsal, which is taken back, tests may fail.

    Raises DraftNotFoundError, DraftStaleError, TestsFailedError, PolicyStateError and
    NothingToFreezeError.
    """
    approval = approval or Approval()
    draft = (
        PolicyDraft.objects.select_for_update(of=("self",)).filter(pk=draft_id).first()
    )
    if draft is None:
        raise DraftNotFoundError
    policy = Policy.objects.select_for_update().get(pk=draft.policy_id)
    if policy.state == PolicyState.RETIRED:
        raise PolicyStateError(f"“{policy}” is retired.")
    if draft.digest != expected_digest:
        raise DraftStaleError(f"“{policy}” was edited after it was proposed.")
    catalogue = catalogue or selectors.catalogue()
    _require_valid(draft, policy, catalogue)
    if not is_rehearsal:
        require_tested(draft, policy, catalogue)
    newest = selectors.newest_version(policy.pk)
    if newest is not None and newest.digest == draft.digest:
        raise NothingToFreezeError
    version = PolicyVersion.objects.create(
        tenant_id=draft.tenant_id,
        policy=policy,
        number=newest.number + 1 if newest else 1,
        content=draft.content,
        statements=draft.statements,
        cases=selectors.frozen_cases(draft, catalogue),
        digest=draft.digest,
        request_id=request_id,
        author_id=draft.author_id,
        author_name=draft.author_name,
        last_editor_id=draft.last_editor_id,
        last_editor_name=draft.last_editor_name,
        frozen_by_name=actor.name,
        previous=newest,
        approvers=[dict(person) for person in approval.approvers],
        evidence_digest=approval.evidence_digest,
        **interval_of(draft.content, approval.activate_at),
    )
    if policy.state == PolicyState.DRAFT:
        policy.state = PolicyState.LIVE
        policy.save(update_fields=["state", "updated_at"])
    _announce(actor, version, newest)
    return version


def _require_valid(draft: PolicyDraft, policy: Policy, catalogue: Catalogue) -> None:
    try:
        now = compile_content(draft.content, catalogue, policy.slug)
    except PolicyInvalidError as error:
        raise DraftStaleError(
            f"“{policy}” is no longer valid: {error.message}"
        ) from error
    if now.digest != draft.digest:
        raise DraftStaleError(
            f"A window, location or role that “{policy}” uses changed after it was "
            "proposed."
        )


def require_tested(draft: PolicyDraft, policy: Policy, catalogue: Catalogue) -> None:
    """Raise TestsFailedError unless the tests of a draft pass."""
    problems = selectors.run_tests(draft, catalogue=catalogue).problems
    if problems:
        raise TestsFailedError(f"“{policy}” does not pass: {problems[0].message}")


def _announce(
    actor: Actor, version: PolicyVersion, newest: PolicyVersion | None
) -> None:
    audit.append(
        actor=actor,
        action=PoliciesAction.VERSION_FROZEN,
        target_type="Policy",
        target_id=version.policy.slug,
        before=newest.content if newest else None,
        after=version.content,
        context={
            "version": version.number,
            "digest": version.digest,
            "request": str(version.request_id),
        },
    )
    # One message for all versions of a request: they go live together.
    outbox.enqueue(
        topic=PoliciesTopic.VERSION_FROZEN,
        payload={"request": str(version.request_id)},
        coalesce_key=str(version.request_id),
    )
