"""Istio: who may call an endpoint, by which method and path, from which addresses.

Each endpoint has a policy that allows what is permitted, and nothing else, and one that
denies what is forbidden. A mesh knows the caller's workload, the method, the path and
the address; anything else it never knows. So what a permit asks for besides is not
allowed there, and what a forbid asks for besides is denied.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.exports.partial import Alternative, certainly, failing, possibly
from engine.exports.targets import (
    NOT_EXPORTED,
    WIDENED,
    Exported,
    Manifest,
    Release,
    Rule,
    is_name,
    name_of,
    release_of,
    service_account,
)
from protocol.records import EntityRef, Head, Record

ENDPOINT = "Endpoint"
API_VERSION = "security.istio.io/v1"
APP_LABEL = "app.kubernetes.io/name"
METHODS = (
    "GET",
    "HEAD",
    "POST",
    "PUT",
    "PATCH",
    "DELETE",
    "OPTIONS",
    "TRACE",
    "CONNECT",
)
KNOWN = ("path", "method", "ip")
_SPECIAL = re.compile(r"[*{}]")
_MOST_RULES = 400


class _InexpressibleError(Exception):
    """A rule that Istio has no words for, and why."""


@dataclass
class _Match:
    """What one rule asks of a request; None asks nothing."""

    principals: list[str] | None = None
    methods: set[str] | None = None
    paths: list[str] | None = None
    blocks: list[str] | None = None
    not_methods: set[str] = field(default_factory=set)
    not_paths: set[str] = field(default_factory=set)
    not_blocks: set[str] = field(default_factory=set)

    @property
    def is_empty(self) -> bool:
        """Say whether no request can match."""
        return [] in (self.principals, self.paths, self.blocks) or self.methods == set()

    def to_rule(self) -> Manifest:
        """Return the rule of a policy."""
        source = _filled(
            principals=self.principals,
            remoteIpBlocks=self.blocks,
            notRemoteIpBlocks=sorted(self.not_blocks),
        )
        operation = _filled(
            methods=None if self.methods is None else sorted(self.methods),
            paths=self.paths,
            notMethods=sorted(self.not_methods),
            notPaths=sorted(self.not_paths),
        )
        rule: Manifest = {}
        if source:
            rule["from"] = [{"source": source}]
        if operation:
            rule["to"] = [{"operation": operation}]
        return rule


def export_istio(records: Iterable[Record]) -> Exported:
    """Return the authorization policies of all endpoints of a release."""
    release = release_of(records)
    endpoints = release.resources(ENDPOINT)
    about = [
        rule
        for rule in release.rules
        if any(release.is_about(rule.statement.resource, one) for one in endpoints)
    ]
    manifests: list[Manifest] = []
    for endpoint in endpoints:
        namespace = _namespace(release, endpoint)
        if namespace is None:
            _without_place(release, endpoint, about)
            continue
        manifests += _policies(release, endpoint, namespace, about)
    return release.exported(manifests, about)


def _namespace(release: Release, endpoint: EntityRef) -> str | None:
    """Return where an endpoint runs: what it says itself, or its service account."""
    attributes = release.attributes[endpoint]
    given = attributes.get("namespace")
    if isinstance(given, str):
        return given if is_name(given) else None
    accounts = [service_account(who) for who in release.principals]
    found = {one[1] for one in accounts if one and one[2] == endpoint.id}
    return found.pop() if len(found) == 1 else None


def _without_place(
    release: Release, endpoint: EntityRef, about: Sequence[Rule]
) -> None:
    for rule in about:
        if release.is_about(rule.statement.resource, endpoint):
            reason = f"the namespace of {ENDPOINT} {endpoint.id} is not known"
            release.note(rule, reason, "the endpoint has no policy: set its namespace")


def _policies(
    release: Release, endpoint: EntityRef, namespace: str, about: Sequence[Rule]
) -> list[Manifest]:
    allowed: list[Manifest] = []
    denied: list[Manifest] = []
    for rule in about:
        if not release.is_about(rule.statement.resource, endpoint):
            continue
        if rule.is_permit:
            allowed += _allowing(release, rule, endpoint)
        denied += _denying(release, rule, endpoint)
    found = [_policy(release, endpoint, namespace, "ALLOW", allowed)]
    if denied:
        found.append(_policy(release, endpoint, namespace, "DENY", denied))
    return found


def _policy(
    release: Release,
    endpoint: EntityRef,
    namespace: str,
    action: str,
    rules: Sequence[Manifest],
) -> Manifest:
    app = release.attributes[endpoint].get("app", endpoint.id)
    # Without rules a policy that allows lets nobody in.
    unique = [rule for n, rule in enumerate(rules) if rule not in rules[:n]]
    if len(unique) > _MOST_RULES:
        unique = [{}] if action == "DENY" else []
    return {
        "apiVersion": API_VERSION,
        "kind": "AuthorizationPolicy",
        "metadata": {
            "name": name_of("portward", action.lower(), endpoint.id),
            "namespace": namespace,
            "labels": {"app.kubernetes.io/managed-by": "portward"},
        },
        "spec": {
            "selector": {"matchLabels": {APP_LABEL: str(app)}},
            "action": action,
            **({"rules": unique} if unique else {}),
        },
    }


def _allowing(release: Release, rule: Rule, endpoint: EntityRef) -> list[Manifest]:
    policy = rule.policy
    if policy.effective_from or policy.effective_until:
        release.note(rule, "counts for a time only", NOT_EXPORTED)
        return []
    if policy.obligations:
        release.note(rule, "asks for obligations", NOT_EXPORTED)
        return []
    methods = _methods(release, rule)
    found: list[Manifest] = []
    for principal, names in _callers(release, rule):
        facts = release.facts(principal, endpoint, KNOWN)
        cover = certainly(rule.tree, facts)
        for reason in sorted(facts.missing):
            release.note(rule, reason, NOT_EXPORTED)
        found += _rules(release, rule, cover, names, methods)
    return found


def _denying(release: Release, rule: Rule, endpoint: EntityRef) -> list[Manifest]:
    """Return what a forbid denies, and where the conditions of any rule may fail."""
    found: list[Manifest] = []
    methods = _methods(release, rule)
    for principal, names in _denied_callers(release, rule):
        facts = release.facts(principal, endpoint, KNOWN)
        cover = failing(rule.tree, facts)
        if cover:
            release.note(rule, "may end with an error", WIDENED)
        if not rule.is_permit:
            cover = [*possibly(rule.tree, facts), *cover]
            for reason in sorted(facts.missing if cover else ()):
                release.note(rule, reason, WIDENED)
        found += _rules(release, rule, cover, names, methods)
    if found and (rule.policy.effective_from or rule.policy.effective_until):
        release.note(rule, "counts for a time only", WIDENED)
    return found


def _methods(release: Release, rule: Rule) -> set[str] | None:
    head = rule.statement.action
    if head.op == "any":
        return None
    names = head.ids or (head.id,)
    others = sorted(set(names) - set(METHODS))
    if others:
        release.note(rule, f"“{others[0]}” is no HTTP method", NOT_EXPORTED)
    return {name for name in names if name in METHODS}


def _callers(
    release: Release, rule: Rule
) -> list[tuple[EntityRef | None, list[str] | None]]:
    """Return who a permit is for: principals as a mesh names them."""
    head = rule.statement.principal
    match head:
        case Head(op="any") | Head(op="is", type="Service"):
            return [(None, ["*"])]
        case Head(op="==", type="Service"):
            return _named(release, rule, [EntityRef(head.type, head.id)])
        case Head(op="in", type="Role"):
            return _named(release, rule, _holders(release, rule))
        case _:
            release.note(rule, "is for people, whom a mesh does not know", NOT_EXPORTED)
            return []


def _holders(release: Release, rule: Rule) -> list[EntityRef]:
    role = rule.statement.principal.id
    found: set[EntityRef] = set()
    for endpoint in release.resources(ENDPOINT):
        found |= {*release.certain_holders(role, endpoint)}
    if {*release.possible_holders(role)} - found:
        reason = f"some hold the role {role} for a time, a place or not alone"
        release.note(rule, reason, NOT_EXPORTED)
    if any(who.type == "User" for who in found):
        release.note(rule, "is for people, whom a mesh does not know", NOT_EXPORTED)
    return sorted(who for who in found if who.type == "Service")


def _denied_callers(
    release: Release, rule: Rule
) -> list[tuple[EntityRef | None, list[str] | None]]:
    """Return whom a rule may turn away; None is everybody."""
    head = rule.statement.principal
    match head:
        case Head(op="==", type="Service"):
            return _denied(release, rule, [EntityRef(head.type, head.id)])
        case Head(op="in", type="Role"):
            return _denied(release, rule, release.possible_holders(head.id))
        case Head(op="==" | "is", type="User"):
            return []
        case _:
            return [(None, None)]


def _denied(
    release: Release, rule: Rule, who: Iterable[EntityRef]
) -> list[tuple[EntityRef | None, list[str] | None]]:
    services = [one for one in who if one.type == "Service"]
    if not rule.is_permit and rule.statement.principal.op == "in":
        for one, _ in release.temporary():
            if one in services:
                release.note(rule, "some hold the role for a time only", WIDENED)
    return _named(release, rule, services)


def _named(
    release: Release, rule: Rule, services: Iterable[EntityRef]
) -> list[tuple[EntityRef | None, list[str] | None]]:
    found: list[tuple[EntityRef | None, list[str] | None]] = []
    for service in services:
        account = service_account(service)
        if account is None or "*" in service.id:
            reason = f"Service {service.id} has no SPIFFE id of a mesh"
            release.note(rule, reason, NOT_EXPORTED if rule.is_permit else WIDENED)
            if not rule.is_permit:
                found.append((service, None))
            continue
        domain, namespace, name = account
        found.append((service, [f"{domain}/ns/{namespace}/sa/{name}"]))
    return found


def _rules(
    release: Release,
    rule: Rule,
    cover: Iterable[Alternative],
    principals: list[str] | None,
    methods: set[str] | None,
) -> list[Manifest]:
    found = []
    for alternative in cover:
        match = _Match(principals, None if methods is None else set(methods))
        allows = rule.is_permit
        try:
            for test, holds in alternative:
                _add(match, test, holds=holds)
        except _InexpressibleError as error:
            release.note(rule, str(error), NOT_EXPORTED if allows else WIDENED)
            if allows:
                continue
            match = _Match(principals, None if methods is None else set(methods))
        if not match.is_empty:
            found.append(match.to_rule())
    return found


def _add(match: _Match, test: dict[str, Any], *, holds: bool) -> None:
    """Add one test to what a rule asks for."""
    if test["op"] == "range":
        _add_block(match, _networks(test["low"], test["high"]), holds=holds)
        return
    name, values, positive = _tested(test)
    if name == "method":
        _add_methods(match, values, holds=holds is positive)
    else:
        _add_paths(match, values, holds=holds is positive)


def _tested(test: dict[str, Any]) -> tuple[str, list[str], bool]:
    """Return which member is tested for which values, and whether it has one then."""
    match test:
        case {"op": "like", "prefix": prefix, "left": {"path": ["context", name]}}:
            return name, [f"{_plain(prefix)}*"], True
        case {"op": "==" | "!=" as op, "left": left, "right": right}:
            place, value = (left, right) if left["k"] == "path" else (right, left)
            if value["k"] == "value" and isinstance(value["value"], str):
                return place["path"][1], [_plain(value["value"])], op == "=="
        case {"op": "contains", "left": {"k": "set", "of": items}, "right": right}:
            texts = [item.get("value") for item in items]
            if all(isinstance(text, str) for text in texts):
                return right["path"][1], [_plain(text) for text in texts], True
        case _:
            pass
    raise _InexpressibleError(f"compares method or path by “{test['op']}”")


def _plain(text: str) -> str:
    if _SPECIAL.search(text) or not text:
        raise _InexpressibleError(f"“{text}” means something else to Istio")
    return text


def _add_methods(match: _Match, values: list[str], *, holds: bool) -> None:
    if any(value.endswith("*") for value in values):
        raise _InexpressibleError("asks for the beginning of a method")
    if holds:
        found = set(values)
        match.methods = found if match.methods is None else match.methods & found
    else:
        match.not_methods |= set(values)


def _add_paths(match: _Match, values: list[str], *, holds: bool) -> None:
    if not holds:
        match.not_paths |= set(values)
    elif match.paths is None:
        match.paths = sorted(values)
    else:
        both = {_narrower(a, b) for a in match.paths for b in values}
        match.paths = sorted(path for path in both if path)


def _narrower(one: str, other: str) -> str:
    """Return what both patterns match."""
    for narrow, wide in ((one, other), (other, one)):
        if narrow == wide or (
            wide.endswith("*") and narrow.removesuffix("*").startswith(wide[:-1])
        ):
            return narrow
    return ""


def _add_block(match: _Match, networks: list[str], *, holds: bool) -> None:
    if not holds:
        match.not_blocks |= set(networks)
    elif match.blocks is None:
        match.blocks = networks
    else:
        raise _InexpressibleError("asks for several ranges of addresses at once")


def _networks(low: str, high: str) -> list[str]:
    first, last = (_address(text) for text in (low, high))
    found = ipaddress.summarize_address_range(first, last)
    return [str(network) for network in found]


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    version, _, digits = text.partition(":")
    number = int(digits, 16)
    if version == "4":
        return ipaddress.IPv4Address(number)
    return ipaddress.IPv6Address(number)


def _filled(**parts: Any) -> dict[str, Any]:  # noqa: ANN401
    return {name: value for name, value in parts.items() if value}
