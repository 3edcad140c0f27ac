"""Save drafts: parsed, compiled and checked against the tenant's schema."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.text import slugify

from apps.audit import services as audit
from apps.audit.events import Actor
from apps.policies import rules, selectors
from apps.policies.choices import PolicyState
from apps.policies.errors import (
    DraftChangedError,
    PolicyInvalidError,
    PolicyNotFoundError,
    PolicyStateError,
    SlugInvalidError,
    SlugTakenError,
)
from apps.policies.events import PoliciesAction
from apps.policies.models import Policy, PolicyDraft
from apps.policies.rules import Catalogue, CompiledPolicy, PolicyContent, Problem
from apps.policies.rules.terms import check_owner
from apps.tenants.services import require_tenant_id

_SLUG = re.compile(r"^[a-z][a-z0-9-]{0,62}$")
_LONGEST_SLUG = 63


@transaction.atomic
def save_draft(
    *,
    actor: Actor,
    policy_id: uuid.UUID | None,
    content: PolicyContent | Mapping[str, Any],
    expected_lock: int | None,
    slug: str = "",
    catalogue: Catalogue | None = None,
    author: Actor | None = None,
) -> PolicyDraft:
    """Save what a policy shall say; without a policy id a new policy begins.

    `expected_lock` is the draft's lock that the editor saw. `slug` names a new policy;
    by default it is made from the name. A caller that saves many drafts in one
    transaction may pass the catalogue it has read in it. `author` is whose text it is,
    when somebody else's act writes it.

    Raises PolicyInvalidError with every problem, DraftChangedError, SlugTakenError,
    SlugInvalidError and PolicyNotFoundError. Nothing is written then.
    """
    parsed = _parsed(content)
    draft = _locked_draft(policy_id, expected_lock)
    policy = draft.policy if draft else _new_policy(slug or slugify(parsed.name))
    known = catalogue or selectors.catalogue_of(parsed)
    compiled = _sound(parsed, known, policy.slug)
    before = draft.content if draft else None
    if draft is not None and draft.digest == compiled.digest:
        return draft
    draft = draft or PolicyDraft(tenant_id=policy.tenant_id, policy=policy, lock=0)
    _fill(draft, parsed, compiled, author or actor)
    _write(policy, draft)
    audit.append(
        actor=actor,
        action=PoliciesAction.DRAFT_CHANGED if before else PoliciesAction.DRAFT_CREATED,
        target_type="Policy",
        target_id=policy.slug,
        before=before,
        after=draft.content,
        context={"digest": draft.digest, "lock": draft.lock},
    )
    return draft


@transaction.atomic
def discard_policy(*, actor: Actor, policy_id: uuid.UUID) -> None:
    """Throw a policy away that was never approved.

    Raises PolicyNotFoundError and PolicyStateError.
    """
    policy = Policy.objects.select_for_update().filter(pk=policy_id).first()
    if policy is None:
        raise PolicyNotFoundError
    if policy.state != PolicyState.DRAFT or policy.versions.exists():
        raise PolicyStateError(f"“{policy}” was approved before; retire it.")
    PolicyDraft.objects.filter(policy=policy).delete()
    slug = policy.slug
    policy.delete()
    audit.append(
        actor=actor,
        action=PoliciesAction.DRAFT_DISCARDED,
        target_type="Policy",
        target_id=slug,
    )


def compile_content(
    content: Mapping[str, Any], catalogue: Catalogue, policy_id: str
) -> CompiledPolicy:
    """Compile stored content again; raises PolicyInvalidError."""
    return _compiled(_parsed(content), catalogue, policy_id)


def _parsed(content: PolicyContent | Mapping[str, Any]) -> PolicyContent:
    value = content.to_dict() if isinstance(content, PolicyContent) else content
    parsed = rules.parse_content(value)
    if isinstance(parsed, list):
        raise PolicyInvalidError(_as_tuples(parsed))
    return parsed


def _compiled(
    content: PolicyContent, catalogue: Catalogue, policy_id: str
) -> CompiledPolicy:
    compiled = rules.compile_policy(content, catalogue, policy_id=policy_id)
    if isinstance(compiled, list):
        raise PolicyInvalidError(_as_tuples(compiled))
    return compiled


def _sound(content: PolicyContent, known: Catalogue, slug: str) -> CompiledPolicy:
    """Compile, and refuse at once all that is wrong.

    That is also what lint calls an error; a draft that is wrong helps nobody.
    """
    compiled = rules.compile_policy(content, known, policy_id=slug)
    found = compiled if isinstance(compiled, list) else []
    found = [*found, *check_owner(content)]
    if isinstance(compiled, CompiledPolicy):
        errors = selectors.errors_of(slug, content, known, timezone.now())
        found += [one.as_problem() for one in errors]
    if found or isinstance(compiled, list):
        raise PolicyInvalidError(_as_tuples(found))
    return compiled


def _as_tuples(problems: Sequence[Problem]) -> list[tuple[str, str, str, str]]:
    return [(p.code.value, p.field, p.message, p.remedy) for p in problems]


def _locked_draft(
    policy_id: uuid.UUID | None, expected_lock: int | None
) -> PolicyDraft | None:
    if policy_id is None:
        return None
    draft = (
        PolicyDraft.objects.select_for_update(of=("self",))
        .select_related("policy")
        .filter(policy_id=policy_id)
        .first()
    )
    if draft is None:
        raise PolicyNotFoundError
    if expected_lock is not None and draft.lock != expected_lock:
        raise DraftChangedError(
            f"{draft.last_editor_name} saved this draft in the meantime."
        )
    return draft


def _new_policy(slug: str) -> Policy:
    slug = slug[:_LONGEST_SLUG].rstrip("-")
    if not _SLUG.match(slug):
        raise SlugInvalidError(f"“{slug}” is not a short name.", field="slug")
    if Policy.objects.filter(slug=slug).exists():
        raise SlugTakenError(f"“{slug}” is in use already.", field="slug")
    return Policy(tenant_id=require_tenant_id(), slug=slug)


def _fill(
    draft: PolicyDraft, content: PolicyContent, compiled: CompiledPolicy, actor: Actor
) -> None:
    person = uuid.UUID(actor.id) if actor.kind == "user" else None
    newest = selectors.newest_version(draft.policy.pk)
    # Whoever makes the first change after a version was frozen writes the next one.
    if draft.lock == 0 or (newest and newest.digest == draft.digest):
        draft.author_id, draft.author_name = person, actor.name
    draft.last_editor_id, draft.last_editor_name = person, actor.name
    draft.content = content.to_dict()
    draft.statements = compiled.to_json()
    draft.digest = compiled.digest
    draft.lock += 1


def _write(policy: Policy, draft: PolicyDraft) -> None:
    policy.name = draft.content["name"]
    try:
        with transaction.atomic():
            policy.save()
            draft.save()
    except IntegrityError as error:
        if "policies_policy_slug_unique" in str(error):
            raise SlugTakenError(
                f"“{policy.slug}” is in use already.", field="slug"
            ) from error
        raise
