"""The evidence that stands in front of an approver, and whether it is fresh.

The one place that knows where evidence comes from.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils import timezone

from apps.approvals.models import ApprovalRequest, ChangeSet
from apps.simulation import selectors as simulation
from apps.simulation.models import Evidence


@dataclass(frozen=True)
class Proof:
    """Evidence of what a change would do, as far as it is computed."""

    id: uuid.UUID
    input: str
    state: str
    progress: int
    stage: str
    error: str
    digest: str
    is_fresh: bool
    document: Mapping[str, Any] = field(default_factory=dict)
    computed_at: dt.datetime | None = None

    @property
    def is_done(self) -> bool:
        """Say whether it is complete."""
        return self.state == "done"

    @property
    def is_over(self) -> bool:
        """Say whether nothing more happens by itself."""
        return self.is_done or self.has_failed

    @property
    def has_failed(self) -> bool:
        """Say whether it could not be computed."""
        return self.state == "failed"


def proof_from(row: Evidence) -> Proof:
    """Return stored evidence as approval sees it."""
    return Proof(
        id=row.pk,
        input=row.input_digest,
        state=row.state,
        progress=row.progress,
        stage=row.stage,
        error=row.error,
        digest=row.digest,
        is_fresh=simulation.is_fresh(row, timezone.now()),
        document=row.document or {},
        computed_at=row.computed_at,
    )


def proof_of(input_digest: str) -> Proof | None:
    """Return the evidence for these inputs, if it was ever asked for."""
    row = simulation.evidence_for(input_digest)
    return proof_from(row) if row else None


def proof_of_set(row: ChangeSet) -> Proof | None:
    """Return the evidence that a set has now."""
    named = row.outcome.get("evidence")
    return proof_of(named) if named else None


def proof_of_request(request: ApprovalRequest) -> Proof | None:
    """Return the evidence that a request has now."""
    named = _named(request)
    return proof_of(named) if named else None


def coming(requests: Iterable[ApprovalRequest]) -> dict[uuid.UUID, str]:
    """Say of requests whose evidence is not there how far it is, in one question."""
    wanted = {request.pk: _named(request) for request in requests}
    rows = simulation.evidence().filter(input_digest__in=set(wanted.values()) - {""})
    known = {row.input_digest: row for row in rows if not row.is_done}
    return {
        pk: "The evidence failed."
        if known[named].is_over
        else f"The evidence is being computed ({known[named].progress} percent)."
        for pk, named in wanted.items()
        if named in known
    }


def _named(request: ApprovalRequest) -> str:
    signed = request.document.get("evidence") or {}
    return request.evidence_input or str(signed.get("input", ""))


def why_not_proven(request: ApprovalRequest, proof: Proof | None) -> str:
    """Say why nobody can approve a request for want of evidence."""
    return why_unproven(proof) if "evidence" in request.document else ""


def why_unproven(proof: Proof | None) -> str:
    """Say what stands against approving with this evidence."""
    if proof is None:
        return "There is no evidence of what this change would do."
    if proof.has_failed:
        return f"The evidence could not be computed. {proof.error}".strip()
    if not proof.is_done:
        return f"The evidence is being computed ({proof.progress} percent)."
    if not proof.is_fresh:
        return "The evidence is older than an hour, and what is live has changed."
    return _failure(proof)


def _failure(proof: Proof) -> str:
    """Name the first test that fails, of which policy."""
    for one in proof.document.get("tests", {}).get("policies", []):
        if one["failed"]:
            said = next((problem["message"] for problem in one["problems"]), "")
            return f"The tests of “{one['policy']}” fail: {said}".strip()
    return ""
