"""What a request other than a policy change is about, as approvers sign it."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from apps.approvals.choices import RequestKind
from apps.roles.rules import AssignmentSpec
from protocol.records import EntityRef


@dataclass(frozen=True)
class Subject:
    """Who is to gain what, and who is behind it.

    `id` is the row that waits for the decision. Neither `beneficiary_id` nor any of
    `involved_ids` votes. `fields` is what the conditions of a flow may ask about.
    """

    kind: RequestKind
    id: uuid.UUID
    title: str
    reason: str
    beneficiary_id: uuid.UUID | None
    involved_ids: frozenset[uuid.UUID]
    tier: str
    role: str
    scope: EntityRef | None
    risk: int = 0
    blast_radius: int = 0
    fields: Mapping[str, str] = field(default_factory=dict)
    document: Mapping[str, Any] = field(default_factory=dict)
    expires_at: dt.datetime | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the form that is stored and signed."""
        return {
            "id": str(self.id),
            "beneficiary": str(self.beneficiary_id) if self.beneficiary_id else None,
            "involved": sorted(str(person) for person in self.involved_ids),
            "tier": self.tier,
            "role": self.role,
            "scope": self.scope.to_dict() if self.scope else None,
            "risk": self.risk,
            "blast_radius": self.blast_radius,
            "fields": dict(self.fields),
            "document": dict(self.document),
            "expires_at": _text(self.expires_at),
        }


def parse_subject(document: Mapping[str, Any]) -> Subject | None:
    """Return the subject of a request document; a policy change has none."""
    value = document.get("subject")
    if value is None:
        return None
    return Subject(
        kind=RequestKind(document["kind"]),
        id=uuid.UUID(value["id"]),
        title=document["title"],
        reason=document["reason"],
        beneficiary_id=uuid.UUID(value["beneficiary"])
        if value["beneficiary"]
        else None,
        involved_ids=_ids(value["involved"]),
        tier=value["tier"],
        role=value["role"],
        scope=_entity(value["scope"]),
        risk=value["risk"],
        blast_radius=value["blast_radius"],
        fields=value["fields"],
        document=value["document"],
        expires_at=_instant(value["expires_at"]),
    )


def risk_of_tier(tier: str) -> int:
    """Return the least risk (0-100) of anything that touches a tier."""
    return {"read_only": 10, "operator": 40, "admin": 80}.get(tier, 100)


def assignment_document(spec: AssignmentSpec) -> dict[str, Any]:
    """Return the assignment that a request asks for, as approvers sign it."""
    return {
        "principal": spec.principal.to_dict(),
        "role": spec.role,
        "scope": spec.scope.to_dict() if spec.scope else None,
        "start": _text(spec.start),
        "end": _text(spec.end),
        "reason": spec.reason,
    }


def assignment_of(document: Mapping[str, Any]) -> AssignmentSpec:
    """Return the assignment that a signed document asks for."""
    return AssignmentSpec(
        principal=EntityRef.from_dict(document["principal"]),
        role=document["role"],
        scope=_entity(document["scope"]),
        start=_instant(document["start"]),
        end=_instant(document["end"]),
        reason=document["reason"],
    )


def _text(moment: dt.datetime | None) -> str | None:
    return moment.astimezone(dt.UTC).isoformat() if moment else None


def _instant(text: str | None) -> dt.datetime | None:
    return dt.datetime.fromisoformat(text) if text else None


def _entity(value: Mapping[str, str] | None) -> EntityRef | None:
    return EntityRef(value["type"], value["id"]) if value else None


def _ids(texts: Iterable[str]) -> frozenset[uuid.UUID]:
    return frozenset(uuid.UUID(text) for text in texts)
