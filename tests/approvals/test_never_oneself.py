"""No way leads to a person counting as approver of what they are behind."""

from __future__ import annotations

import uuid
from collections import Counter, defaultdict

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from apps.approvals.choices import Verdict
from apps.approvals.rules import (
    OWN,
    Approver,
    ApproverType,
    Ballot,
    Flow,
    Outcome,
    Parties,
    Progress,
    Reason,
    Reviewer,
    Stage,
    Way,
    may_vote,
    progress,
)

PEOPLE = [uuid.UUID(int=number) for number in range(1, 7)]
PERSON = st.sampled_from(PEOPLE)
STAGE = Stage("Review", (Approver(ApproverType.ROLE, "lead"),), quorum=2)
FLOW = Flow((STAGE, STAGE))


class OneRequest(RuleBasedStateMachine):
    """People edit, propose, lend, stand in, vote, come and go, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.holders = set(PEOPLE)
        self.loans: set[tuple[uuid.UUID, uuid.UUID]] = set()
        self.ballots: list[Ballot] = []
        self.editors: set[uuid.UUID] = set()
        self.opener: uuid.UUID | None = None
        self.beneficiary: uuid.UUID | None = None

    @initialize(author=PERSON, opener=PERSON, beneficiary=st.none() | PERSON)
    def propose(
        self, author: uuid.UUID, opener: uuid.UUID, beneficiary: uuid.UUID | None
    ) -> None:
        self.editors, self.opener = {author}, opener
        self.beneficiary = beneficiary

    @rule(person=PERSON)
    def edit(self, person: uuid.UUID) -> None:
        self.editors.add(person)

    @rule(lender=PERSON, borrower=PERSON)
    def lend(self, lender: uuid.UUID, borrower: uuid.UUID) -> None:
        if lender != borrower:
            self.loans.add((lender, borrower))

    @rule(person=PERSON)
    def come_or_go(self, person: uuid.UUID) -> None:
        self.holders ^= {person}

    @rule(person=PERSON, verdict=st.sampled_from(list(Verdict)))
    def vote(self, person: uuid.UUID, verdict: Verdict) -> None:
        found = self.count()
        used = {one for b in self.ballots for one in (b.user_id, *b.way)}
        judged = may_vote(
            reviewer=self.panel().get(person, Reviewer(person, frozenset())),
            stage=STAGE,
            parties=self.parties,
            voted=used,
        )
        if judged.reason is Reason.NONE:
            ballot = Ballot(person, verdict, found.current, judged.way)
            self.ballots.append(ballot)

    @rule(
        person=PERSON,
        way=st.lists(PERSON, max_size=2).map(tuple),
        stage=st.integers(0, 1),
    )
    def forge(self, person: uuid.UUID, way: Way, stage: int) -> None:
        """A row appears that no service wrote."""
        self.ballots.append(Ballot(person, Verdict.APPROVE, stage, way))

    @property
    def parties(self) -> Parties:
        editors = frozenset(self.editors)
        return Parties(self.opener, editors, editors, self.beneficiary)

    def panel(self) -> dict[uuid.UUID, Reviewer]:
        ways: dict[uuid.UUID, set[Way]] = defaultdict(set)
        for person in self.holders:
            ways[person].add(OWN)
        for _ in range(2):
            for lender, borrower in self.loans:
                chains = {(lender, *way) for way in ways[lender]}
                ways[borrower] |= {one for one in chains if borrower not in one}
        return {p: Reviewer(p, frozenset(found)) for p, found in ways.items()}

    def count(self) -> Progress:
        panel = self.panel()
        return progress(
            flow=FLOW,
            panels=[panel, panel],
            parties=self.parties,
            ballots=self.ballots,
        )

    @invariant()
    def nobody_behind_it_counts(self) -> None:
        found = self.count()
        for number, stage in enumerate(found.stages):
            cast = [one for one in self.ballots if one.stage == number]
            bad = Counter(
                one.user_id
                for one in cast
                if any(map(self.parties.reason_for, (one.user_id, *one.way)))
            )
            ignored = Counter(person for person, _ in stage.ignored)
            assert all(ignored[person] >= times for person, times in bad.items())
            counted = stage.approvals + stage.denials
            assert counted + len(stage.ignored) == len(cast)
        if found.outcome is Outcome.APPROVED:
            free = {p for p in PEOPLE if not self.parties.reason_for(p)}
            assert len(free) >= sum(stage.quorum for stage in FLOW.stages)


TestOneRequest = OneRequest.TestCase
TestOneRequest.settings = settings(max_examples=60, stateful_step_count=25)
