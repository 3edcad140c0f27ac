"""Whether anybody could approve a policy or an elevation, as findings of lint.

Nobody approves what they wrote or ask for, so a path that leads to them alone is none.
These are warnings: whoever sets up a tenant writes policies before there is anybody to
approve them. Proposing one, or asking for an elevation, is refused all the same.
"""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Iterable, Iterator, Sequence

from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from apps.approvals import rules
from apps.approvals.choices import RequestKind
from apps.approvals.rules import ApproverType, linter
from apps.approvals.rules.subjects import Subject
from apps.approvals.selectors.coverage import week_ahead
from apps.approvals.selectors.flows import flows, spec_of
from apps.approvals.selectors.panels import Directory, Setting, holders
from apps.approvals.selectors.subjects import (
    about_change,
    about_subject,
    blast_radius,
    preview,
    setting_of_change,
    setting_of_subject,
)
from apps.elevations import selectors as elevations
from apps.elevations.models import Eligibility
from apps.policies.rules.lint import Finding, LintCode, Severity
from apps.policies.selectors import Written
from apps.roles.models import Principal
from protocol.records import EntityRef

# Whose manager decides is asked for so many people of an offer at most.
_MOST_ASKERS = 200
_REMEDY = (
    "Give somebody else the right to decide, with a passkey, or change the stages of "
    "the flow."
)


class Approvers:
    """Who could decide now; what was found out once is not asked again."""

    def __init__(self) -> None:
        self._directory = Directory(timezone.now())
        self._flows = [spec_of(row) for row in flows()]
        self._known: dict[tuple[object, ...], str] = {}

    def about_policy(self, written: Written) -> Iterator[Finding]:
        """Find that nobody could approve a policy as its draft says it."""
        content = written.content.to_dict()
        people = (written.author_id, written.last_editor_id)
        named = [frozenset({one} if one else ()) for one in people]
        opener = written.last_editor_id
        parties = rules.Parties(opener, authors=named[0], last_editors=named[1])
        flow = rules.choose(self._flows, about_change([content]))
        setting = setting_of_change([content], opener)
        if problem := self._problem(flow, parties, setting):
            yield Finding(
                LintCode.NO_APPROVER,
                Severity.WARNING,
                written.slug,
                "policy",
                f"Nobody could approve this policy by the flow “{flow.name}”, as who "
                f"wrote it does not decide. {problem}",
                _REMEDY,
            )

    def about_offer(self, offer: Eligibility) -> Iterator[Finding]:
        """Find that somebody could never be given what they may ask for."""
        subject = _subject(offer)
        flow = rules.choose(self._flows, about_subject(subject))
        alone = {}
        for person in self._askers(offer, flow):
            asked = dataclasses.replace(subject, beneficiary_id=person)
            parties = rules.Parties(person, beneficiary=person)
            setting = setting_of_subject(asked, person)
            if problem := self._problem(flow, parties, setting):
                alone[person] = problem
        if alone:
            names = sorted(map(self._directory.name, alone))
            yield Finding(
                LintCode.NO_APPROVER,
                Severity.WARNING,
                "",
                "elevation",
                f"Nobody could approve “{offer.purpose}” for {_listed(names)} by the "
                f"flow “{flow.name}”. {alone[min(alone)]}",
                _REMEDY,
                link=reverse("admin:elevations_eligibility_change", args=[offer.pk]),
                about=f"Role {offer.role.slug}",
            )

    def _askers(self, offer: Eligibility, flow: rules.Flow) -> list[uuid.UUID]:
        """Return who may ask and makes a difference.

        Approvers do, as they do not decide for themselves; so does one of the others;
        and everybody does if it is their manager who decides.
        """
        members = sorted(set(_people(offer)) & set(self._directory.members))
        named = {one.type for stage in flow.stages for one in stage.approvers}
        if ApproverType.MANAGER in named:
            return members[:_MOST_ASKERS]
        able = self._directory.with_passkey
        rest = [person for person in members if person not in able]
        return [person for person in members if person in able] + rest[:1]

    def _problem(
        self, flow: rules.Flow, parties: rules.Parties, setting: Setting
    ) -> str:
        told = tuple(sorted((name, *one) for name, one in setting.facts.items()))
        key = (flow, parties, setting.scopes, setting.whose_manager, told)
        if key not in self._known:
            asked = _answerable(flow, setting)
            found = preview(asked, parties, setting, self._directory)
            self._known[key] = found.problem
        return self._known[key]


def findings_about_policies(policies: Sequence[Written]) -> list[Finding]:
    """Return the policies that nobody could approve."""
    if not policies:
        return []
    approvers = Approvers()
    return [one for written in policies for one in approvers.about_policy(written)]


def findings_about_tenant() -> list[Finding]:
    """Return the offers and flows that nobody could decide on."""
    approvers = Approvers()
    offers = elevations.eligibilities().filter(is_active=True)
    found = [one for offer in offers for one in approvers.about_offer(offer)]
    return found + [
        _about_flow(one) for one in week_ahead().findings() if _is_dead(one)
    ]


def _is_dead(found: linter.Finding) -> bool:
    return found.severity is linter.Severity.ERROR


def _about_flow(found: linter.Finding) -> Finding:
    link = reverse("admin:approvals_coverage")
    if found.flow_id is not None:
        link = reverse("admin:approvals_approvalflow_change", args=[found.flow_id])
    return Finding(
        LintCode.NO_APPROVER,
        Severity.WARNING,
        "",
        "stages",
        found.message,
        "Name people who are members and have a passkey.",
        link=link,
        about=f"Flow {found.flow}",
    )


def _subject(offer: Eligibility) -> Subject:
    scope = EntityRef(offer.scope.type, offer.scope.key) if offer.scope else None
    return Subject(
        kind=RequestKind.ELEVATION,
        id=offer.pk,
        title=offer.purpose,
        reason="",
        beneficiary_id=None,
        involved_ids=frozenset(),
        tier=offer.role.tier,
        role=offer.role.slug,
        scope=scope,
        risk=rules.risk_of_tier(offer.role.tier),
        blast_radius=blast_radius(scope),
        fields={"source": "elevation"},
    )


def _people(offer: Eligibility) -> Iterable[uuid.UUID]:
    if offer.holders is not None:
        return holders(offer.holders.slug, timezone.now())
    named = Q(pk=offer.principal_id) if offer.principal_id else Q(pk__in=[])
    if offer.group is not None:
        named = Q(pk__in=offer.group.members.values("pk"))
    rows = Principal.objects.filter(named, user__isnull=False)
    return [row.user_id for row in rows if row.user_id is not None]


def _answerable(flow: rules.Flow, setting: Setting) -> rules.Flow:
    """Return a flow without what it asks of words that are not written yet."""
    stages = tuple(
        dataclasses.replace(
            stage,
            conditions=tuple(
                one
                for one in stage.conditions
                if one.on != "request" or one.field in _asked_now(setting)
            ),
        )
        for stage in flow.stages
    )
    return dataclasses.replace(flow, stages=stages)


def _asked_now(setting: Setting) -> frozenset[str]:
    return frozenset(setting.facts) - {"title"}


def _listed(names: Sequence[str]) -> str:
    shown = 3
    more = f" and {len(names) - shown} others" if len(names) > shown else ""
    return ", ".join(names[:shown]) + more
