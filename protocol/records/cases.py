"""Tests that stand beside a policy: a question, and the answer that it must get."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from typing_extensions import override

from protocol.canonical import canonical_bytes
from protocol.errors import CanonicalError, RecordError
from protocol.records import values
from protocol.records.entities import EntityRef
from protocol.records.kinds import Record, RecordType
from protocol.records.values import Attributes, JSONObject

ALLOW, DENY = "allow", "deny"
EXPECTATIONS = (ALLOW, DENY)
CASE_FIELDS = (
    *("policy", "name", "principal", "roles", "principal_attributes"),
    *("resource", "groups", "resource_attributes", "context"),
    *("action", "at", "offsets", "expect", "reason"),
)
_LONGEST_NAME = 200
_LARGEST_OFFSET = 86_400


@dataclass(frozen=True)
class CaseRecord(Record):
    """A test of one policy, judged by that policy's statements and nothing else.

    `roles` and `groups` are all that count, inherited ones and outer ones included.
    `offsets` are those of the zones that the policy asks for, in seconds: a release
    knows zones only from when it was made. `reason` is why the answer must be what it
    is, or None where any reason will do.
    """

    type: ClassVar[RecordType] = RecordType.TEST

    policy: str
    name: str
    principal: EntityRef
    resource: EntityRef
    action: str
    at: str
    expect: str
    roles: tuple[str, ...] = ()
    principal_attributes: Attributes = field(default_factory=dict)
    groups: tuple[str, ...] = ()
    resource_attributes: Attributes = field(default_factory=dict)
    context: JSONObject = field(default_factory=dict)
    offsets: Mapping[str, int] = field(default_factory=dict)
    reason: str | None = None

    @property
    def moment(self) -> dt.datetime:
        """Return when the question is asked."""
        return dt.datetime.fromisoformat(self.at)

    @override
    def body(self) -> dict[str, Any]:
        return {
            "policy": self.policy,
            "name": self.name,
            "principal": self.principal.to_dict(),
            "roles": list(self.roles),
            "principal_attributes": dict(self.principal_attributes),
            "resource": self.resource.to_dict(),
            "groups": list(self.groups),
            "resource_attributes": dict(self.resource_attributes),
            "context": dict(self.context),
            "action": self.action,
            "at": self.at,
            "offsets": dict(self.offsets),
            "expect": self.expect,
            "reason": self.reason,
        }


def case_id(policy: str, name: str) -> str:
    """Return the record id of a policy's test."""
    return f"{policy}#{name}"


def parse_case(ident: str, f: JSONObject) -> Record:
    """Read the fields of a test."""
    policy = values.text(f["policy"], "policy")
    name = values.text(f["name"], "name", _LONGEST_NAME)
    if ident != case_id(policy, name):
        raise RecordError(f"id: must be {case_id(policy, name)!r}", field="id")
    at = values.instant(f["at"], "at")
    if at is None:
        raise RecordError("at: an instant", field="at")
    reason = f["reason"]
    return CaseRecord(
        ident,
        policy=policy,
        name=name,
        principal=EntityRef.from_dict(f["principal"], "principal"),
        resource=EntityRef.from_dict(f["resource"], "resource"),
        action=values.text(f["action"], "action"),
        at=at,
        expect=values.choice(f["expect"], "expect", EXPECTATIONS),
        roles=_distinct(f["roles"], "roles"),
        principal_attributes=values.attributes(
            f["principal_attributes"], "principal_attributes"
        ),
        groups=_distinct(f["groups"], "groups"),
        resource_attributes=values.attributes(
            f["resource_attributes"], "resource_attributes"
        ),
        context=_context(f["context"]),
        offsets=_offsets(f["offsets"]),
        reason=None if reason is None else values.text(reason, "reason"),
    )


def _distinct(value: object, name: str) -> tuple[str, ...]:
    found = values.texts(value, name)
    if list(found) != sorted(set(found)):
        raise RecordError(f"{name}: distinct and ascending", field=name)
    return found


def _offsets(value: object) -> Mapping[str, int]:
    if not isinstance(value, Mapping):
        raise RecordError("offsets: a JSON object", field="offsets")
    return {
        values.text(zone, "offsets"): values.integer(
            offset, f"offsets.{zone}", -_LARGEST_OFFSET, _LARGEST_OFFSET
        )
        for zone, offset in value.items()
    }


def _context(value: object) -> JSONObject:
    """Return a context; what its members may be is judged where it is asked."""
    if not isinstance(value, Mapping):
        raise RecordError("context: a JSON object", field="context")
    try:
        canonical_bytes(value)
    except CanonicalError as error:
        raise RecordError(f"context: {error}", field="context") from error
    return value
