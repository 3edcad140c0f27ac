"""Istio: who may call an endpoint, by which method and path, from which addresses.

Each endpoint has a policy that allows what is permitted, and nothing else, and one that
denies what is forbidden. A mesh knows the caller's workload, the method, the path and
the address; anything else it never knows. So what a permit asks for besides is not
allowed there, and what a forbid asks for besides is denied.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from engine.exports.istio.callers import allowed_callers, denied_callers
from engine.exports.istio.matches import rules_of
from engine.exports.targets import (
    NOT_EXPORTED,
    UNSAID,
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
from protocol.records import EntityRef, Record

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
_LABEL = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_MOST_RULES = 400
_NO_POLICY = "the endpoint has no policy: set its namespace or its app"


@dataclass(frozen=True)
class _Workload:
    """What a policy is put before: the pods of a namespace that carry a label."""

    namespace: str
    app: str


def export_istio(records: Iterable[Record]) -> Exported:
    """Return the authorization policies of all endpoints of a release."""
    release = release_of(records)
    endpoints = release.resources(ENDPOINT)
    about = [
        rule
        for rule in release.rules
        if any(release.is_about(rule.statement.resource, one) for one in endpoints)
    ]
    workloads = {one: _workload(release, one) for one in endpoints}
    manifests: list[Manifest] = []
    for endpoint, found in workloads.items():
        here = [r for r in about if release.is_about(r.statement.resource, endpoint)]
        if isinstance(found, str):
            for rule in here:
                release.note(rule, f"{ENDPOINT} {endpoint.id}: {found}", _NO_POLICY)
            continue
        others = _sharing(workloads, endpoint)
        manifests += _policies(release, endpoint, found, here, others)
    return release.exported(manifests, about)


def _workload(release: Release, endpoint: EntityRef) -> _Workload | str:
    """Return where an endpoint runs, or why that is not known."""
    app = release.attributes[endpoint].get("app", endpoint.id)
    if not isinstance(app, str) or not _LABEL.fullmatch(app):
        return f"“{app}” is no label of a workload"
    namespace = _namespace(release, endpoint)
    if namespace is None:
        return "its namespace is not known"
    return _Workload(namespace, app)


def _namespace(release: Release, endpoint: EntityRef) -> str | None:
    """Return where an endpoint runs: what it says itself, or its service account."""
    attributes = release.attributes[endpoint]
    if "namespace" in attributes:
        given = attributes["namespace"]
        return given if isinstance(given, str) and is_name(given) else None
    accounts = [service_account(who) for who in release.principals]
    found = {one[1] for one in accounts if one and one[2] == endpoint.id}
    namespace = found.pop() if len(found) == 1 else ""
    return namespace if is_name(namespace) else None


def _sharing(
    workloads: Mapping[EntityRef, _Workload | str], endpoint: EntityRef
) -> list[str]:
    """Return the other endpoints of the same pods, which a mesh cannot tell apart."""
    mine = workloads[endpoint]
    return [
        one.id for one, other in workloads.items() if other == mine and one != endpoint
    ]


def _policies(
    release: Release,
    endpoint: EntityRef,
    workload: _Workload,
    here: Sequence[Rule],
    others: Sequence[str],
) -> list[Manifest]:
    allowed: list[Manifest] = []
    denied: list[Manifest] = []
    for rule in here:
        if rule.is_permit and others:
            reason = f"{ENDPOINT} {endpoint.id} and {others[0]} are the same workload"
            release.note(rule, reason, NOT_EXPORTED)
        elif rule.is_permit:
            allowed += _allowing(release, rule, endpoint)
        denied += _denying(release, rule, endpoint)
    allowed = _limited(release, here, allowed, is_permit=True)
    denied = _limited(release, here, denied, is_permit=False)
    found = [_policy(endpoint, workload, "ALLOW", allowed)]
    if denied:
        found.append(_policy(endpoint, workload, "DENY", denied))
    return found


def _limited(
    release: Release,
    here: Sequence[Rule],
    rules: Sequence[Manifest],
    *,
    is_permit: bool,
) -> list[Manifest]:
    """Return the different rules; too many for a mesh are none, or one for all."""
    unique = [rule for n, rule in enumerate(rules) if rule not in rules[:n]]
    if len(unique) <= _MOST_RULES:
        return unique
    for rule in here:
        if rule.is_permit is is_permit:
            reason = f"the endpoint needs more than {_MOST_RULES} rules"
            release.note(rule, reason, NOT_EXPORTED if is_permit else WIDENED)
    return [] if is_permit else [{}]


def _policy(
    endpoint: EntityRef, workload: _Workload, action: str, rules: Sequence[Manifest]
) -> Manifest:
    # Without rules a policy that allows lets nobody in.
    return {
        "apiVersion": API_VERSION,
        "kind": "AuthorizationPolicy",
        "metadata": {
            "name": name_of("portward", action.lower(), endpoint.id),
            "namespace": workload.namespace,
            "labels": {"app.kubernetes.io/managed-by": "portward"},
        },
        "spec": {
            "selector": {"matchLabels": {APP_LABEL: workload.app}},
            "action": action,
            **({"rules": list(rules)} if rules else {}),
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
    for principal, names in allowed_callers(release, rule, endpoint):
        facts = release.facts(principal, endpoint, KNOWN, is_open=True)
        cover = release.allowed(rule, facts)
        found += rules_of(release, rule, cover, names, methods, allows=True)
    return found


def _denying(release: Release, rule: Rule, endpoint: EntityRef) -> list[Manifest]:
    """Return what a forbid denies, and where the conditions of any rule may fail."""
    found: list[Manifest] = []
    methods = _methods(release, rule)
    for principal, names in denied_callers(release, rule, endpoint):
        cover = release.denied(rule, release.facts(principal, endpoint, KNOWN))
        found += rules_of(release, rule, cover, names, methods, allows=False)
    policy = rule.policy
    if found and (policy.effective_from or policy.effective_until):
        release.note(rule, "counts for a time only", WIDENED)
    if policy.obligations and not rule.is_permit:
        release.note(rule, "asks for obligations", "denies there without them")
    return found


def _methods(release: Release, rule: Rule) -> set[str] | None:
    head = rule.statement.action
    if head.op == "any":
        return None
    names = head.ids or (head.id,)
    others = sorted(set(names) - set(METHODS))
    if others:
        reason = f"“{others[0]}” is no HTTP method"
        release.note(rule, reason, NOT_EXPORTED if rule.is_permit else UNSAID)
    return {name for name in names if name in METHODS}
