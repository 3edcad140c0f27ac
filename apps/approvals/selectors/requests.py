"""Questions about requests and how far they got."""

from __future__ import annotations

import datetime as dt
import uuid
from collections import Counter
from dataclasses import dataclass

from django.db.models import QuerySet
from django.utils import timezone

from apps.approvals import rules
from apps.approvals.choices import ItemKind, RequestState, Verdict
from apps.approvals.errors import RequestNotFoundError
from apps.approvals.models import ApprovalRequest
from apps.approvals.rules.timing import deadline_of
from apps.approvals.selectors.panels import Directory, Setting
from apps.approvals.selectors.subjects import setting_of_change, setting_of_subject


@dataclass(frozen=True)
class Standing:
    """How far a request got, and who its approvers are at one moment."""

    request: ApprovalRequest
    flow: rules.Flow
    parties: rules.Parties
    panels: tuple[rules.Panel, ...]
    progress: rules.Progress
    directory: Directory

    @property
    def stage(self) -> rules.Stage:
        """Return the stage that the request waits in."""
        return self.flow.stages[self.progress.current]

    @property
    def quorum(self) -> rules.Quorum:
        """Return the state of that stage."""
        return self.progress.stages[self.progress.current]

    @property
    def deadline(self) -> dt.datetime | None:
        """Return when nobody decides any more, if ever."""
        return deadline_of(
            self.stage, started_at(self.request), self.request.expires_at
        )

    def judge(self, user_id: uuid.UUID) -> rules.Judgement:
        """Say whether a person may vote now, in which way, or why not."""
        stage, panel = self.stage, self.panels[self.progress.current]
        cast = self.request.votes.all()
        used = {person for vote in cast for person in (vote.user_id, *way_of(vote.way))}
        return rules.may_vote(
            reviewer=panel.get(user_id, rules.Reviewer(user_id, frozenset())),
            stage=stage,
            parties=self.parties,
            voted=used,
            is_within_hours=self.directory.is_within(stage.hours),
        )

    def awaited(self) -> dict[uuid.UUID, str]:
        """Return who may still decide on the current stage, by name."""
        panel = self.panels[self.progress.current]
        free = {rules.Reason.NONE, rules.Reason.OUT_OF_HOURS}
        found = {
            person: self.directory.name(person)
            for person in panel
            if person in self.directory.with_passkey
            and self.judge(person).reason in free
        }
        return dict(sorted(found.items(), key=lambda one: one[1]))


def requests() -> QuerySet[ApprovalRequest]:
    """Return all requests, newest first."""
    return ApprovalRequest.objects.order_by("-created_at")


def counters() -> dict[str, int]:
    """Return how many requests stand in each state."""
    found = Counter(ApprovalRequest.objects.values_list("state", flat=True))
    return {state.value: found[state.value] for state in RequestState}


def request_by_id(request_id: uuid.UUID) -> ApprovalRequest:
    """Return a request or raise RequestNotFoundError."""
    return _one(ApprovalRequest.objects.all(), request_id)


def lock_request(request_id: uuid.UUID) -> ApprovalRequest:
    """Return a request with its row locked, or raise RequestNotFoundError."""
    return _one(ApprovalRequest.objects.select_for_update(), request_id)


def flow_of_request(request: ApprovalRequest) -> rules.Flow:
    """Return the flow that a request was opened with."""
    return rules.parse_flow(request.flow)


def started_at(request: ApprovalRequest) -> dt.datetime:
    """Return since when a request waits in its stage."""
    return request.stage_started_at or request.created_at


def parties_of(request: ApprovalRequest) -> rules.Parties:
    """Return the persons behind a request, none of whom may decide on it."""
    items = list(request.items.all())
    subject = rules.parse_subject(request.document)
    return rules.Parties(
        opener=request.opened_by_id,
        authors=frozenset(i.author_id for i in items if i.author_id),
        last_editors=frozenset(i.last_editor_id for i in items if i.last_editor_id),
        beneficiary=subject.beneficiary_id if subject else None,
        involved=subject.involved_ids if subject else frozenset(),
    )


def setting_of(request: ApprovalRequest) -> Setting:
    """Return what the approvers of a request depend on."""
    subject = rules.parse_subject(request.document)
    if subject is not None:
        return setting_of_subject(subject, request.opened_by_id)
    contents = [
        item.content for item in request.items.all() if item.kind == ItemKind.POLICY
    ]
    facts = {"title": request.title, "reason": request.reason}
    return setting_of_change(contents, request.opened_by_id, facts)


def standing_of(
    request: ApprovalRequest, directory: Directory | None = None
) -> Standing:
    """Count the votes of a request by what is true now."""
    directory = directory or Directory(timezone.now())
    flow, parties = flow_of_request(request), parties_of(request)
    setting = setting_of(request)
    panels = tuple(
        directory.panel(stage, setting, is_escalated=number in request.escalated)
        for number, stage in enumerate(flow.stages)
    )
    ballots = [
        rules.Ballot(v.user_id, Verdict(v.verdict), v.stage, way_of(v.way))
        for v in sorted(request.votes.all(), key=lambda v: (v.cast_at, str(v.pk)))
    ]
    progress = rules.progress(
        flow=flow, panels=panels, parties=parties, ballots=ballots
    )
    return Standing(request, flow, parties, panels, progress, directory)


def judge(request: ApprovalRequest, user_id: uuid.UUID) -> rules.Judgement:
    """Say whether a person may vote on a request now, or why not."""
    return standing_of(request).judge(user_id)


def quorum_of(request: ApprovalRequest) -> rules.Quorum:
    """Return the state of the stage that a request waits in, or ended in."""
    found = progress_of(request)
    return found.stages[found.current]


def progress_of(
    request: ApprovalRequest, directory: Directory | None = None
) -> rules.Progress:
    """Return how far a request got; a closed one as it was when it closed."""
    if request.is_open or request.tally is None:
        return standing_of(request, directory).progress
    stages = tuple(
        rules.Quorum(
            rules.Outcome(one["outcome"]),
            one["approvals"],
            one["denials"],
            one["needed"],
        )
        for one in request.tally
    )
    outcome = {
        RequestState.APPROVED: rules.Outcome.APPROVED,
        RequestState.DENIED: rules.Outcome.DENIED,
    }.get(RequestState(request.state), rules.Outcome.PENDING)
    return rules.Progress(outcome, min(request.stage, len(stages) - 1), stages)


def way_of(stored: list[str]) -> rules.Way:
    """Return for whom a vote was cast, as the rules see it."""
    return tuple(uuid.UUID(person) for person in stored)


def _one(rows: QuerySet[ApprovalRequest], request_id: uuid.UUID) -> ApprovalRequest:
    try:
        return rows.get(pk=request_id)
    except ApprovalRequest.DoesNotExist as error:
        raise RequestNotFoundError from error
