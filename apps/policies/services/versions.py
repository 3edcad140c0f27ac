"""Freeze approved drafts into versions."""

from __future__ import annotations

import uuid

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
    TestsFailedError,
)
from apps.policies.events import PoliciesAction, PoliciesTopic
from apps.policies.models import Policy, PolicyDraft, PolicyVersion
from apps.policies.rules import Catalogue
from apps.policies.services.drafts import compile_content


@transaction.atomic
def freeze_version(
    *,
    actor: Actor,
    draft_id: uuid.UUID,
    expected_digest: str,
    request_id: uuid.UUID,
    catalogue: Catalogue | None = None,
) -> PolicyVersion:
    """Freeze a draft as the next version of its policy, and make it live.

    The digest is what was approved. The draft is compiled once more: a window, role or
    resource may have changed since, and what goes live must be what was signed. A
    caller that freezes many drafts in one transaction may pass the catalogue it has
    read in it.

    Raises DraftNotFoundError, DraftStaleError, TestsFailedError and
    NothingToFreezeError.
    """
    draft = (
        PolicyDraft.objects.select_for_update(of=("self",)).filter(pk=draft_id).first()
    )
    if draft is None:
        raise DraftNotFoundError
    policy = Policy.objects.select_for_update().get(pk=draft.policy_id)
    if draft.digest != expected_digest:
        raise DraftStaleError(f"“{policy}” was edited after it was proposed.")
    catalogue = catalogue or selectors.catalogue()
    _require_valid(draft, policy, catalogue)
    _require_tested(draft, policy, catalogue)
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
    )
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


def _require_tested(draft: PolicyDraft, policy: Policy, catalogue: Catalogue) -> None:
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
