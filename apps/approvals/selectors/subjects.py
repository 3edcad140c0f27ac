"""What would happen to a request that is not opened yet."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from apps.accounts.models import Membership
from apps.approvals import rules
from apps.approvals.rules.subjects import Subject
from apps.approvals.selectors.people import possible_voters
from apps.approvals.selectors.requests import flow_of
from apps.roles.errors import UnknownPrincipalError, UnknownRoleError
from apps.roles.models import Principal, Resource, Role
from protocol.records import EntityRef


@dataclass(frozen=True)
class StagePreview:
    """A stage with the names of who will be asked."""

    stage: rules.Stage
    names: tuple[str, ...]


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
    flow = flow_of(subject.kind)
    parties = rules.Parties(
        opener=opener_id,
        beneficiary=subject.beneficiary_id,
        involved=subject.involved_ids,
    )
    return preview(flow, parties)


def preview(flow: rules.Flow, parties: rules.Parties) -> FlowPreview:
    """Return who would decide, given a flow and the persons behind a request."""
    voters = possible_voters()
    stages = tuple(
        StagePreview(stage, tuple(_names(voters, stage, parties)))
        for stage in flow.stages
    )
    problems = (_problem(one) for one in stages)
    return FlowPreview(flow, stages, next((text for text in problems if text), ""))


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


def _names(
    voters: Iterable[Membership], stage: rules.Stage, parties: rules.Parties
) -> list[str]:
    return [
        str(voter.user)
        for voter in voters
        if rules.may_vote(
            user_id=voter.user_id,
            roles=frozenset(voter.roles),
            stage=stage,
            parties=parties,
        )
        is rules.Reason.NONE
    ]


def _problem(one: StagePreview) -> str:
    able, needed = len(one.names), one.stage.quorum
    if able >= needed:
        return ""
    who = "nobody" if not able else f"only {able}"
    return (
        f"Stage “{one.stage.name}” needs {needed} approval{'s' * (needed > 1)}, and "
        f"{who} with a passkey may give one."
    )
