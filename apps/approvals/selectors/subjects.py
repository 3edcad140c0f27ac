"""What would happen to a request that is not opened yet."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from apps.approvals import rules
from apps.approvals.choices import ItemKind, RequestKind
from apps.approvals.models import ApprovalRequest, ChangeSet
from apps.approvals.rules.subjects import Subject
from apps.approvals.selectors.changes import Proposal
from apps.approvals.selectors.flows import choose_flow
from apps.approvals.selectors.panels import Directory, Setting
from apps.approvals.selectors.proofs import Proof, proof_of_request, why_not_proven
from apps.roles.errors import UnknownPrincipalError, UnknownRoleError
from apps.roles.models import Principal, Resource, Role
from apps.roles.rules import TIER_RANK
from apps.scopes.models import TimeWindow
from protocol.records import EntityRef


@dataclass(frozen=True)
class StagePreview:
    """A stage with the names of who will be asked."""

    stage: rules.Stage
    names: tuple[str, ...]
    able: frozenset[uuid.UUID] = frozenset()


@dataclass(frozen=True)
class FlowPreview:
    """Which flow a subject would pass; `problem` says why nobody could approve it."""

    flow: rules.Flow
    stages: tuple[StagePreview, ...]
    problem: str = ""


def preview_subject(
    subject: Subject, *, opener_id: uuid.UUID | None = None
) -> FlowPreview:
    """Return who would decide on a subject, without writing anything."""
    parties = rules.Parties(
        opener=opener_id,
        beneficiary=subject.beneficiary_id,
        involved=subject.involved_ids,
    )
    flow = choose_flow(about_subject(subject))
    return preview(flow, parties, setting_of_subject(subject, opener_id))


def preview_change(
    proposals: Sequence[Proposal],
    opener_id: uuid.UUID | None,
    facts: Mapping[str, str] | None = None,
    proof: Proof | None = None,
) -> FlowPreview:
    """Return who would decide on drafts, without writing anything."""
    parties = rules.Parties(
        opener=opener_id,
        authors=frozenset(one.author_id for one in proposals if one.author_id),
        last_editors=frozenset(
            one.last_editor_id for one in proposals if one.last_editor_id
        ),
    )
    contents = [one.content for one in proposals]
    about = about_set([(ItemKind.POLICY, one) for one in contents], proof)
    setting = setting_of_change(contents, opener_id, facts)
    return preview(choose_flow(about), parties, setting)


def preview_set(
    row: ChangeSet,
    contents: Sequence[tuple[ItemKind, Mapping[str, Any]]],
    *,
    opener_id: uuid.UUID | None,
    proof: Proof | None = None,
) -> FlowPreview:
    """Return who would decide on a set of changes, without writing anything."""
    items = row.items.all()
    parties = rules.Parties(
        opener=opener_id,
        authors=frozenset(i.author_id for i in items if i.author_id)
        | (frozenset({row.author_id}) if row.author_id else frozenset()),
        last_editors=frozenset(i.last_editor_id for i in items if i.last_editor_id),
    )
    said = [content for kind, content in contents if kind is ItemKind.POLICY]
    about = about_set(contents, proof)
    facts = {"title": row.title, "reason": row.reason}
    setting = setting_of_change(said, opener_id, facts)
    return preview(choose_flow(about), parties, setting)


def about_set(
    contents: Sequence[tuple[ItemKind, Mapping[str, Any]]], proof: Proof | None
) -> rules.About:
    """Return what the choice of a flow looks at.

    Evidence says what a set does; until it is there, what the set names is counted.
    """
    policies = [content for kind, content in contents if kind is ItemKind.POLICY]
    roles = [content for kind, content in contents if kind is ItemKind.ROLE]
    named = about_change([*policies, *({"tier": one["tier"]} for one in roles)])
    guessed = named.blast_radius + len(contents)
    impact = proof.document.get("impact", {}) if proof and proof.is_done else {}
    return dataclasses.replace(
        named,
        risk=max(named.risk, impact.get("risk", {}).get("score", 0)),
        blast_radius=impact.get("blast_radius", {}).get("principals", guessed),
        roles=named.roles | {str(one["slug"]) for one in roles},
    )


def missing_proof(request: ApprovalRequest, proof: Proof | None = None) -> str:
    """Say why nobody can approve a request yet for want of evidence.

    Evidence that shows more than was known when the request was opened may ask for
    another flow; then the one that the request passes is not enough.
    """
    proof = proof or proof_of_request(request)
    if why := why_not_proven(request, proof):
        return why
    if proof is None:
        return ""
    contents = [(ItemKind(i.kind), i.content) for i in request.items.all()]
    proven = choose_flow(about_set(contents, proof))
    guessed = choose_flow(about_set(contents, None))
    if proven != guessed and proven.to_dict() != request.flow:
        return (
            f"The evidence shows that this change is for the flow “{proven.name}”. "
            "Cancel the request and propose the change again."
        )
    return ""


def preview(
    flow: rules.Flow,
    parties: rules.Parties,
    setting: Setting,
    directory: Directory | None = None,
) -> FlowPreview:
    """Return who would decide, given a flow and the persons behind a request."""
    directory = directory or Directory(timezone.now())
    stages = []
    for stage in flow.stages:
        panel = directory.panel(stage, setting, is_escalated=True)
        people = frozenset(
            person
            for person, reviewer in panel.items()
            if person in directory.with_passkey
            and not rules.may_vote(
                reviewer=reviewer, stage=stage, parties=parties
            ).reason
        )
        names = tuple(sorted(directory.name(person) for person in people))
        stages.append(StagePreview(stage, names, people))
    return FlowPreview(flow, tuple(stages), _problem(stages, setting.facts))


def about_subject(subject: Subject) -> rules.About:
    """Return what the choice of a flow looks at."""
    return rules.About(
        kind=subject.kind,
        tier=subject.tier,
        risk=subject.risk,
        blast_radius=subject.blast_radius,
        roles=frozenset({subject.role}),
    )


def about_change(contents: Sequence[Mapping[str, object]]) -> rules.About:
    """Return the same for policies, by the widest of them."""
    tiers = [str(one.get("tier", "")) for one in contents]
    tier = max(tiers, key=lambda one: TIER_RANK.get(one, -1), default="")
    named = [
        item
        for one in contents
        for item in (*_listed(one, "principals"), *_listed(one, "resources"))
    ]
    return rules.About(
        kind=RequestKind.CHANGE,
        tier=tier,
        risk=rules.risk_of_tier(tier),
        blast_radius=len(named),
        roles=frozenset(
            i["id"] for i in named if i.get("type") == "Role" and "id" in i
        ),
    )


def setting_of_subject(subject: Subject, opener_id: uuid.UUID | None) -> Setting:
    """Return what the approvers of a subject depend on."""
    facts = {
        "title": subject.title,
        "reason": subject.reason,
        "kind": str(subject.kind),
        "tier": subject.tier,
        "role": subject.role,
        "scope": str(subject.scope or ""),
        **subject.fields,
    }
    return Setting(
        scopes=(subject.scope,) if subject.scope else (),
        whose_manager=subject.beneficiary_id or opener_id,
        facts={name: frozenset({text}) for name, text in facts.items() if text},
    )


def setting_of_change(
    contents: Sequence[Mapping[str, object]],
    opener_id: uuid.UUID | None,
    facts: Mapping[str, str] | None = None,
) -> Setting:
    """Return what the approvers of policies depend on."""
    scopes = {
        EntityRef(item["type"], item["id"])
        for one in contents
        for item in _listed(one, "resources")
        if item.get("id")
    }
    told = {"kind": "change", "tier": about_change(contents).tier, **(facts or {})}
    return Setting(
        scopes=tuple(sorted(scopes, key=str)),
        whose_manager=opener_id,
        facts={name: frozenset({text}) for name, text in told.items() if text},
    )


def role_named(slug: str) -> Role:
    """Return the role with this short name or raise UnknownRoleError."""
    row = Role.objects.filter(slug=slug).first()
    if row is None:
        raise UnknownRoleError(f"There is no role “{slug}”.", field="role")
    return row


def principal_named(ref: EntityRef) -> Principal:
    """Return the principal with this key or raise UnknownPrincipalError."""
    row = Principal.objects.filter(type=ref.type, key=ref.id).first()
    if row is None:
        raise UnknownPrincipalError(f"There is no {ref}.", field="principal")
    return row


def blast_radius(scope: EntityRef | None) -> int:
    """Return how many resources a scope reaches; none means all of them."""
    if scope is None:
        return Resource.objects.exclude(type="ResourceGroup").count()
    row = Resource.objects.filter(type=scope.type, key=scope.id).first()
    return 0 if row is None else max(1, row.members.count())


def _listed(content: Mapping[str, object], name: str) -> list[dict[str, str]]:
    found = content.get(name)
    return found if isinstance(found, list) else []


def _problem(
    stages: Sequence[StagePreview], facts: Mapping[str, frozenset[str]]
) -> str:
    for one in stages:
        if problem := _stage_problem(one, facts):
            return problem
    needed = [one.stage.quorum for one in stages]
    if not rules.can_be_met(needed, [one.able for one in stages]):
        return (
            f"All stages together need {sum(needed)} different approvers, and there "
            "are not as many."
        )
    return ""


def _stage_problem(one: StagePreview, facts: Mapping[str, frozenset[str]]) -> str:
    stage, able = one.stage, len(one.able)
    broken = rules.unmet(stage.on("request"), facts)
    if broken is not None:
        return f"Stage “{stage.name}” asks that {broken}."
    if stage.hours and not TimeWindow.objects.filter(slug=stage.hours).exists():
        return f"Stage “{stage.name}” names the window “{stage.hours}”, which is gone."
    if able >= stage.quorum:
        return ""
    who = "nobody" if not able else f"only {able}"
    return (
        f"Stage “{stage.name}” needs {stage.quorum} "
        f"approval{'s' * (stage.quorum > 1)}, and {who} with a passkey may give one."
    )
