"""What a mesh and a cluster do with manifests, written from their documentation.

It shares nothing with the exports, so that both cannot be wrong alike.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Manifest = Mapping[str, Any]


@dataclass(frozen=True)
class Call:
    """A request as a mesh sees it; no principal means no mutual TLS."""

    principal: str | None
    method: str
    path: str
    ip: str


def mesh_allows(
    manifests: Iterable[Manifest], namespace: str, app: str, call: Call
) -> bool:
    """Say whether Istio lets a call into a workload."""
    here = [
        one["spec"]
        for one in manifests
        if one["metadata"]["namespace"] == namespace
        and one["spec"]["selector"]["matchLabels"]["app.kubernetes.io/name"] == app
    ]
    if any(_matches(spec, call) for spec in here if spec["action"] == "DENY"):
        return False
    allowing = [spec for spec in here if spec["action"] == "ALLOW"]
    return not allowing or any(_matches(spec, call) for spec in allowing)


def _matches(spec: Manifest, call: Call) -> bool:
    return any(_rule(rule, call) for rule in spec.get("rules", []))


def _rule(rule: Manifest, call: Call) -> bool:
    sources = [one["source"] for one in rule.get("from", [])]
    operations = [one["operation"] for one in rule.get("to", [])]
    return (not sources or any(_source(one, call) for one in sources)) and (
        not operations or any(_operation(one, call) for one in operations)
    )


def _source(source: Manifest, call: Call) -> bool:
    known = {"principals", "remoteIpBlocks", "notRemoteIpBlocks"}
    assert set(source) <= known
    return (
        _any_text(source, "principals", call.principal)
        and _any_block(source.get("remoteIpBlocks"), call.ip)
        and not _in_blocks(source.get("notRemoteIpBlocks", []), call.ip)
    )


def _operation(operation: Manifest, call: Call) -> bool:
    assert set(operation) <= {"methods", "notMethods", "paths", "notPaths"}
    return (
        _any_text(operation, "methods", call.method)
        and _any_text(operation, "paths", call.path)
        and not _is_one(operation.get("notMethods", []), call.method)
        and not _is_one(operation.get("notPaths", []), call.path)
    )


def _any_text(found: Manifest, name: str, value: str | None) -> bool:
    return name not in found or (value is not None and _is_one(found[name], value))


def _is_one(patterns: Sequence[str], value: str) -> bool:
    return any(_fits(pattern, value) for pattern in patterns)


def _fits(pattern: str, value: str) -> bool:
    if pattern == "*":
        return value != ""
    if pattern.endswith("*"):
        return value.startswith(pattern[:-1])
    if pattern.startswith("*"):
        return value.endswith(pattern[1:])
    return value == pattern


def _any_block(blocks: Sequence[str] | None, ip: str) -> bool:
    return blocks is None or _in_blocks(blocks, ip)


def _in_blocks(blocks: Sequence[str], ip: str) -> bool:
    return any(ipaddress.ip_address(ip) in ipaddress.ip_network(one) for one in blocks)


Right = tuple[str, str, str]


def cluster_rights(
    manifests: Sequence[Manifest], namespace: str
) -> dict[tuple[str, ...], set[Right]]:
    """Return what each subject may do in a namespace: group, resource and verb."""
    roles = {
        one["metadata"]["name"]: one["rules"]
        for one in manifests
        if one["kind"] == "Role" and one["metadata"]["namespace"] == namespace
    }
    found: dict[tuple[str, ...], set[Right]] = {}
    for one in manifests:
        if one["kind"] != "RoleBinding" or one["metadata"]["namespace"] != namespace:
            continue
        assert one["roleRef"]["kind"] == "Role"
        rights = {
            (group, resource, verb)
            for rule in roles[one["roleRef"]["name"]]
            for group in rule["apiGroups"]
            for resource in rule["resources"]
            for verb in rule["verbs"]
        }
        for subject in one["subjects"]:
            who = (subject["kind"], subject.get("namespace", ""), subject["name"])
            found.setdefault(who, set()).update(rights)
    return found


def pods_are_reached(
    manifests: Sequence[Manifest], namespace: str, labels: Mapping[str, str]
) -> bool:
    """Say whether pods of a namespace with labels reach those of another."""
    policies = [
        one["spec"]
        for one in manifests
        if one["kind"] == "NetworkPolicy" and one["metadata"]["namespace"] == namespace
    ]
    isolating = [one for one in policies if "Ingress" in one["policyTypes"]]
    assert all(one["podSelector"] == {} for one in isolating)
    return not isolating or any(
        all(
            labels.get(name) == value
            for name, value in peer["namespaceSelector"]["matchLabels"].items()
        )
        for one in isolating
        for rule in one["ingress"]
        for peer in rule["from"]
    )
