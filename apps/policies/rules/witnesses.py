"""Questions that a statement applies to: whoever, whatever, whenever it asks for."""

from __future__ import annotations

import datetime as dt
import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from apps.policies.rules.catalogue import Catalogue
from apps.policies.rules.edge_times import first_opening
from apps.policies.rules.testcases import Given, TestCase
from engine.cedar import CONTEXT_RANGES, GROUP_TYPE, PRINCIPAL_TYPES, ROLE_TYPE
from engine.conditions import Condition, ConditionKind
from protocol.records import Head, LocationRecord, Statement

NOWHERE = ("192.0.2.10", "198.51.100.10", "203.0.113.10", "2001:db8::10")
_FAR = {"lat": -89_000_000, "lon": 0}
_ANY_ACTION = "act"


@dataclass(frozen=True)
class Question:
    """A test before it has a name and an expectation."""

    principal: dict[str, str]
    resource: dict[str, str]
    action: str
    at: dt.datetime
    roles: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    principal_attributes: Mapping[str, Any] = field(default_factory=dict)
    resource_attributes: Mapping[str, Any] = field(default_factory=dict)
    context: Mapping[str, Any] = field(default_factory=dict)

    def case(self, name: str) -> TestCase:
        """Return it as a test; what it expects is for the evaluator to say."""
        return TestCase(
            name,
            Given(
                self.principal,
                self.resource,
                self.roles,
                self.groups,
                dict(self.principal_attributes),
                dict(self.resource_attributes),
                dict(self.context),
            ),
            self.action,
            self.at.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "deny",
        )

    def at_time(self, moment: dt.datetime) -> Question:
        """Return it at another time."""
        return replace(self, at=moment)

    def with_value(self, attribute: str, value: object) -> Question:
        """Return it with another value of an attribute; None makes it unknown."""
        outer, _, inner = attribute.partition(".")
        match outer:
            case "principal":
                return replace(
                    self,
                    principal_attributes=_put(self.principal_attributes, inner, value),
                )
            case "resource":
                return replace(
                    self,
                    resource_attributes=_put(self.resource_attributes, inner, value),
                )
            case _:
                known = {inner: value} if inner and value is not None else value
                return replace(self, context=_put(self.context, outer, known))

    def from_place(self, place: Mapping[str, Any]) -> Question:
        """Return it from another place."""
        names = ("ip", "country", "city", "geo", "node_groups")
        kept = {k: v for k, v in self.context.items() if k not in names}
        return replace(self, context=kept | dict(place))


def witness(
    statement: Statement,
    conditions: Sequence[Condition],
    catalogue: Catalogue,
    now: dt.datetime,
) -> Question:
    """Return a question that a statement applies to, as far as one can be found."""
    named = [one.attribute for one in conditions]
    action = statement.action.id or next(iter(statement.action.ids), "")
    resource, groups = _resource(statement.resource, action, named, catalogue)
    principal, roles = _principal(statement.principal, named, catalogue)
    found = Question(
        principal,
        resource,
        action or _action(resource["type"], catalogue),
        now,
        roles,
        groups,
    )
    for condition in conditions:
        found = _satisfy(found, condition, now)
    return found


def holding(condition: Condition) -> object:
    """Return a value for which a condition on an attribute holds."""
    value = condition.value
    match condition.op:
        case "<":
            return value - 1
        case ">":
            return value + 1
        case "!=":
            return other_value(condition)
        case "in":
            return value[0]
        case "contains":
            return [value]
        case _:
            return value


def other_value(condition: Condition) -> object:
    """Return a value that is not the one a condition names."""
    value = condition.value
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        most = CONTEXT_RANGES.get(condition.attribute, (0, value + 1))[1]
        return value + 1 if value < most else value - 1
    if condition.op == "contains":
        return []
    return "AQ" if condition.attribute == "country" else "something-else"


def inside(place: LocationRecord) -> dict[str, Any]:
    """Return circumstances that lie in a location."""
    if place.cidrs:
        return {"ip": _address(place.cidrs[0])}
    if place.countries:
        return {"country": place.countries[0]}
    if place.cities:
        return {"country": place.cities[0].country, "city": place.cities[0].name}
    if place.fence:
        return {"geo": {"lat": place.fence.latitude, "lon": place.fence.longitude}}
    return {"node_groups": list(place.node_groups[:1])}


def outside(place: LocationRecord) -> dict[str, Any]:
    """Return circumstances that are known, and lie out of a location."""
    found: dict[str, Any] = {}
    if place.cidrs:
        networks = [ipaddress.ip_network(cidr) for cidr in place.cidrs]
        free = [
            address
            for address in NOWHERE
            if not any(ipaddress.ip_address(address) in net for net in networks)
        ]
        found["ip"] = next(iter(free), NOWHERE[0])
    if place.countries or place.cities:
        found["country"] = "AQ"
    if place.cities:
        found["city"] = "McMurdo"
    if place.fence:
        found["geo"] = dict(_FAR)
    if place.node_groups:
        found["node_groups"] = ["another-group"]
    return found


def _satisfy(question: Question, condition: Condition, now: dt.datetime) -> Question:
    match condition.kind:
        case ConditionKind.ATTRIBUTE:
            return question.with_value(condition.attribute, holding(condition))
        case ConditionKind.WINDOW if condition.windows:
            opens = (first_opening(window, now) for window in condition.windows)
            known = [moment for moment in opens if moment is not None]
            return question.at_time(known[0]) if known else question
        case ConditionKind.LOCATION if condition.locations:
            return question.from_place(inside(condition.locations[0]))
        case _:
            return question


def _principal(
    head: Head, named: Sequence[str], catalogue: Catalogue
) -> tuple[dict[str, str], tuple[str, ...]]:
    owners = _owners("principal", named, catalogue)
    kind = next((one for one in PRINCIPAL_TYPES if one in owners), PRINCIPAL_TYPES[0])
    match head.op:
        case "==":
            return {"type": head.type, "id": head.id}, ()
        case "in" if head.type == ROLE_TYPE:
            return {"type": kind}, (head.id,)
        case "is":
            return {"type": head.type}, ()
        case "is_in":
            return {"type": head.type}, (head.in_id,)
        case _:
            return {"type": kind}, ()


def _resource(
    head: Head, action: str, named: Sequence[str], catalogue: Catalogue
) -> tuple[dict[str, str], tuple[str, ...]]:
    applies = catalogue.actions.get(action) or frozenset(catalogue.resource_types)
    owners = _owners("resource", named, catalogue) & applies
    kind = min(owners or applies, default=GROUP_TYPE)
    match head.op:
        case "==":
            return {"type": head.type, "id": head.id}, ()
        case "in":
            return {"type": kind}, (head.id,)
        case "is":
            return {"type": head.type}, ()
        case "is_in":
            return {"type": head.type}, (head.in_id,)
        case _:
            return {"type": kind}, ()


def _owners(variable: str, named: Sequence[str], catalogue: Catalogue) -> set[str]:
    return {
        one.owner
        for one in catalogue.attributes
        if one.path in named and one.path.startswith(f"{variable}.")
    }


def _action(kind: str, catalogue: Catalogue) -> str:
    fitting = (name for name, types in catalogue.actions.items() if kind in types)
    return min(fitting, default=_ANY_ACTION)


def _address(cidr: str) -> str:
    network = ipaddress.ip_network(cidr)
    place = 1 if network.num_addresses > 1 else 0
    return str(network[place])


def _put(values: Mapping[str, Any], name: str, value: object) -> dict[str, Any]:
    kept = {k: v for k, v in values.items() if k != name}
    return kept if value is None else {**kept, name: value}
