"""From each policy in force back to those who approved it, without asking anybody.

A release carries the certificate of every request that approved one of its policies.
What that proves stands in `protocol.approvals`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from protocol.approvals import (
    ApproverKey,
    CheckedRequest,
    CheckedStage,
    CheckedVote,
    check_certificate,
)
from protocol.bundle import Certificate
from protocol.records import PolicyRecord, Record

MISSING = "no certificate"


@dataclass(frozen=True)
class Provenance:
    """Where a policy in force comes from; `request` is None without a certificate."""

    policy: str
    version: int
    change: str
    request: CheckedRequest | None

    @property
    def problem(self) -> str:
        """Say what is wrong with the request as a whole."""
        return MISSING if self.request is None else self.request.problem

    @property
    def holds(self) -> bool:
        """Say whether the request, every vote about it and its quorum hold together."""
        return self.request is not None and self.request.holds

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        request = self.request
        return {
            "policy": self.policy,
            "version": self.version,
            "change": self.change,
            "digest": request.digest if request else "",
            "title": request.title if request else "",
            "holds": self.holds,
            "problem": self.problem,
            "approvals": [_vote(one) for one in request.votes] if request else [],
            "stages": [vars(one) for one in request.stages] if request else [],
        }

    def lines(self) -> Iterator[str]:
        """Yield the chain as people read it."""
        yield f"{self.policy} v{self.version}"
        if self.request is None or self.problem:
            yield f"  NOT PROVEN: {self.problem} (change {self.change})"
            return
        yield f"  change    {self.change} “{self.request.title}”"
        yield f"  digest    {self.request.digest}"
        for vote in self.request.votes:
            yield from _lines_of_vote(vote)
        for stage in self.request.stages:
            yield _line_of_stage(stage)


def provenance(
    records: Iterable[Record],
    certificates: Iterable[Certificate],
    keys: Iterable[ApproverKey] | None = None,
) -> list[Provenance]:
    """Return where each policy of a release comes from, by its name.

    With a list of keys it is checked besides whose those are that signed.
    """
    listed = None if keys is None else list(keys)
    known: dict[str, CheckedRequest] = {}
    for certificate in certificates:
        request = certificate.get("request")
        if isinstance(request, Mapping):
            known[str(request.get("request"))] = check_certificate(certificate, listed)
    policies = [record for record in records if isinstance(record, PolicyRecord)]
    return [
        Provenance(policy.id, policy.version, policy.change, known.get(policy.change))
        for policy in sorted(policies, key=lambda policy: policy.id)
    ]


def _vote(one: CheckedVote) -> dict[str, Any]:
    return vars(one) | {"stands_for": list(one.stands_for)}


def _lines_of_vote(vote: CheckedVote) -> Iterator[str]:
    mark = f"NOT PROVEN: {vote.problem}" if vote.problem else vote.verdict
    when = f" at {vote.cast_at}" if vote.cast_at else ""
    yield f"  {mark:9} {vote.voter}, key {vote.key_id}{when}"
    if vote.evidence:
        yield f"  evidence  {vote.evidence}"


def _line_of_stage(stage: CheckedStage) -> str:
    if stage.problem:
        return f"  stage     {stage.name}: NOT PROVEN: {stage.problem}"
    return f"  stage     {stage.name}: {stage.approvals} of {stage.needed} approvals"
