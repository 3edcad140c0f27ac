"""Who may vote, and when a request is decided. Values in, a result with a reason out.

Persons are compared by user id, never by name or credential: a second passkey or a
renamed account does not make a second person. A right that was lent brings the persons
it comes from along: whoever is behind the request does not decide through another.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from apps.approvals.choices import Verdict
from apps.approvals.rules.flows import Condition, Facts, Flow, Stage

# The persons from whom a right comes, nearest first; nobody if it is one's own.
Way = tuple[uuid.UUID, ...]
OWN: Way = ()


class Reason(StrEnum):
    """Why a person may not vote, or why a ballot does not count."""

    NONE = ""
    OPENER = "opener"
    AUTHOR = "author"
    LAST_EDITOR = "last_editor"
    BENEFICIARY = "beneficiary"
    INVOLVED = "involved"
    ROLE_MISSING = "role_missing"
    LENT_BY_PARTY = "lent_by_party"
    CONDITION = "condition"
    OUT_OF_HOURS = "out_of_hours"
    ALREADY_VOTED = "already_voted"

    @property
    def sentence(self) -> str:
        """Say the reason to the person concerned."""
        return _SENTENCES[self]


_SENTENCES = {
    Reason.NONE: "",
    Reason.OPENER: "You opened this request, so another person must decide.",
    Reason.AUTHOR: "You wrote part of this change, so another person must decide.",
    Reason.LAST_EDITOR: "You edited this change last, so another person must decide.",
    Reason.BENEFICIARY: "You would gain by this, so another person must decide.",
    Reason.INVOLVED: "You are behind what is asked for, so another person must decide.",
    Reason.ROLE_MISSING: "Only the approvers of the current stage decide on it.",
    Reason.LENT_BY_PARTY: "You would vote for somebody who is behind this request, so "
    "another person must decide.",
    Reason.CONDITION: "A condition of the current stage excludes you.",
    Reason.OUT_OF_HOURS: "The approvers of this stage decide within other hours.",
    Reason.ALREADY_VOTED: "You, or somebody for you, voted on this request already.",
}


class Outcome(StrEnum):
    """What the ballots add up to."""

    PENDING = "pending"
    APPROVED = "approved"
    DENIED = "denied"


@dataclass(frozen=True)
class Parties:
    """The persons behind a request, none of whom may decide on it."""

    opener: uuid.UUID | None
    authors: frozenset[uuid.UUID] = frozenset()
    last_editors: frozenset[uuid.UUID] = frozenset()
    beneficiary: uuid.UUID | None = None
    involved: frozenset[uuid.UUID] = frozenset()

    def reason_for(self, user_id: uuid.UUID) -> Reason:
        """Return why a person is behind the request, or Reason.NONE."""
        behind = (
            (Reason.OPENER, {self.opener}),
            (Reason.AUTHOR, self.authors),
            (Reason.LAST_EDITOR, self.last_editors),
            (Reason.BENEFICIARY, {self.beneficiary}),
            (Reason.INVOLVED, self.involved),
        )
        return next((why for why, who in behind if user_id in who), Reason.NONE)


@dataclass(frozen=True)
class Reviewer:
    """A person and the ways in which they are an approver of a stage."""

    user_id: uuid.UUID
    ways: frozenset[Way]
    facts: Facts = field(default_factory=dict)


@dataclass(frozen=True)
class Ballot:
    """One person's verdict in a stage, and for whom it was cast."""

    user_id: uuid.UUID
    verdict: Verdict
    stage: int = 0
    way: Way = OWN


@dataclass(frozen=True)
class Judgement:
    """Whether a person may vote, in which way, or why not."""

    reason: Reason
    way: Way = OWN


@dataclass(frozen=True)
class Quorum:
    """The state of a stage: its outcome and how it came about."""

    outcome: Outcome
    approvals: int
    denials: int
    needed: int
    ignored: tuple[tuple[uuid.UUID, Reason], ...] = ()

    @property
    def missing(self) -> int:
        """Return how many approvals are still needed."""
        return max(0, self.needed - self.approvals)


@dataclass(frozen=True)
class Progress:
    """How far a request got: the state of every stage, and the one it is in."""

    outcome: Outcome
    current: int
    stages: tuple[Quorum, ...]


Panel = Mapping[uuid.UUID, Reviewer]


def may_vote(
    *,
    reviewer: Reviewer,
    stage: Stage,
    parties: Parties,
    voted: Iterable[uuid.UUID] = (),
    is_within_hours: bool = True,
    way: Way | None = None,
) -> Judgement:
    """Say whether a person may vote on a stage, or why not.

    `voted` are the persons whose say is used up. With `way` given, only that one is
    looked at: a ballot counts in the way in which it was cast, or not at all.
    """
    behind = parties.reason_for(reviewer.user_id)
    if behind is not Reason.NONE:
        return Judgement(behind)
    ways = sorted(reviewer.ways if way is None else reviewer.ways & {way}, key=_order)
    if not ways:
        return Judgement(Reason.ROLE_MISSING)
    clean = [one for one in ways if not any(map(parties.reason_for, one))]
    if not clean:
        return Judgement(Reason.LENT_BY_PARTY)
    used = set(voted)
    free = [one for one in clean if not used & {reviewer.user_id, *one}]
    if not free:
        return Judgement(Reason.ALREADY_VOTED)
    if unmet(stage.on("reviewer"), reviewer.facts) is not None:
        return Judgement(Reason.CONDITION)
    if not is_within_hours:
        return Judgement(Reason.OUT_OF_HOURS)
    return Judgement(Reason.NONE, free[0])


def unmet(conditions: Iterable[Condition], facts: Facts) -> Condition | None:
    """Return the first condition that does not hold."""
    return next((one for one in conditions if not one.holds(facts)), None)


def progress(
    *,
    flow: Flow,
    panels: Sequence[Panel],
    parties: Parties,
    ballots: Iterable[Ballot],
) -> Progress:
    """Count the ballots that count, stage by stage. A denial outweighs approvals.

    Every ballot is judged again here, by what is true now: whoever is no approver any
    more does not count, and a row which should never have been written cannot carry a
    decision. A person has one say in all stages together.
    """
    cast = list(ballots)
    used: set[uuid.UUID] = set()
    stages = [
        _count(number, stage, panel, parties, cast, used)
        for number, (stage, panel) in enumerate(zip(flow.stages, panels, strict=True))
    ]
    open_ones = [n for n, one in enumerate(stages) if one.outcome is Outcome.PENDING]
    if any(one.outcome is Outcome.DENIED for one in stages):
        outcome = Outcome.DENIED
    elif open_ones:
        outcome = Outcome.PENDING
    else:
        outcome = Outcome.APPROVED
    current = open_ones[0] if open_ones else len(stages) - 1
    return Progress(outcome, current, tuple(stages))


def _count(  # what a stage and its ballots consist of
    number: int,
    stage: Stage,
    panel: Panel,
    parties: Parties,
    ballots: Sequence[Ballot],
    used: set[uuid.UUID],
) -> Quorum:
    tally = {Verdict.APPROVE: 0, Verdict.DENY: 0}
    ignored: list[tuple[uuid.UUID, Reason]] = []
    for ballot in ballots:
        if ballot.stage != number:
            continue
        found = may_vote(
            reviewer=panel.get(ballot.user_id, Reviewer(ballot.user_id, frozenset())),
            stage=stage,
            parties=parties,
            voted=used,
            way=ballot.way,
        )
        if found.reason is Reason.NONE:
            used |= {ballot.user_id, *ballot.way}
            tally[ballot.verdict] += 1
        else:
            ignored.append((ballot.user_id, found.reason))
    approvals, denials = tally[Verdict.APPROVE], tally[Verdict.DENY]
    outcome = Outcome.PENDING
    if denials >= stage.deny_threshold:
        outcome = Outcome.DENIED
    elif approvals >= stage.quorum:
        outcome = Outcome.APPROVED
    return Quorum(outcome, approvals, denials, stage.quorum, tuple(ignored))


def _order(way: Way) -> tuple[int, list[str]]:
    return len(way), [str(person) for person in way]
