"""Kubernetes: who may do what in a namespace, and that tenants do not reach each other.

Access control there only ever adds. So a right is exported only where a policy permits
it without conditions and no policy could forbid it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from engine.exports.flatten import Unsupported
from engine.exports.partial import certainly, failing, possibly
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

NAMESPACE = "Namespace"
TENANT_LABEL = "portward.io/tenant"
MANAGED = {"app.kubernetes.io/managed-by": "portward"}
_GROUP = "rbac.authorization.k8s.io"
_WORKLOADS = ("daemonsets", "deployments", "statefulsets")
# Group, resources and verbs. What is not listed here has no meaning in a cluster.
MAPPING: Mapping[str, Sequence[tuple[str, Sequence[str], Sequence[str]]]] = {
    "read": (
        (
            "",
            ("configmaps", "endpoints", "events", "pods", "services"),
            ("get", "list"),
        ),
        ("apps", (*_WORKLOADS, "replicasets"), ("get", "list", "watch")),
        ("batch", ("cronjobs", "jobs"), ("get", "list", "watch")),
    ),
    "logs": (("", ("pods", "pods/log"), ("get", "list", "watch")),),
    "deploy": (
        ("apps", _WORKLOADS, ("create", "get", "list", "patch", "update", "watch")),
        (
            "",
            ("configmaps", "services"),
            ("create", "get", "list", "patch", "update", "watch"),
        ),
    ),
    "rollback": (
        ("apps", _WORKLOADS, ("get", "list", "patch")),
        ("apps", ("controllerrevisions", "replicasets"), ("get", "list")),
    ),
    "restart": (("apps", _WORKLOADS, ("get", "list", "patch")),),
    "scale": (
        (
            "apps",
            ("deployments/scale", "statefulsets/scale"),
            ("get", "patch", "update"),
        ),
    ),
    "delete": (("", ("namespaces",), ("delete", "get")),),
}


def export_kubernetes(records: Iterable[Record], *, tenant: str) -> Exported:
    """Return roles, bindings and network policies of all namespaces of a release."""
    release = release_of(records)
    namespaces = release.resources(NAMESPACE)
    about = [
        rule
        for rule in release.rules
        if any(release.is_about(rule.statement.resource, one) for one in namespaces)
    ]
    manifests: list[Manifest] = []
    for namespace in namespaces:
        if not is_name(namespace.id):
            for rule in about:
                reason = f"“{namespace.id}” is no name of a namespace"
                release.note(rule, reason, NOT_EXPORTED)
            continue
        manifests += _boundary(namespace.id, tenant)
        manifests += _rights(release, namespace, about)
    _note_temporary(release)
    return release.exported(manifests, about)


def _boundary(namespace: str, tenant: str) -> list[Manifest]:
    """Let only the tenant's own namespaces in."""
    own = {"namespaceSelector": {"matchLabels": {TENANT_LABEL: tenant}}}
    return [
        {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": namespace, "labels": {TENANT_LABEL: tenant}},
        },
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": _metadata(name_of("portward", "tenant"), namespace),
            "spec": {
                "podSelector": {},
                "policyTypes": ["Ingress"],
                "ingress": [{"from": [own]}],
            },
        },
    ]


def _rights(
    release: Release, namespace: EntityRef, about: Sequence[Rule]
) -> list[Manifest]:
    here = [r for r in about if release.is_about(r.statement.resource, namespace)]
    found: list[Manifest] = []
    for action in MAPPING:
        for name, holders in sorted(_permitted(release, namespace, here, action)):
            free = [
                who
                for who in holders
                if not _stopped(release, namespace, here, who, action)
            ]
            subjects = [one for who in free if (one := _subject(who))]
            if subjects:
                found += _binding(
                    name_of("portward", name, action), namespace.id, subjects, action
                )
    _note_rest(release, here)
    return found


def _permitted(
    release: Release, namespace: EntityRef, here: Sequence[Rule], action: str
) -> list[tuple[str, tuple[EntityRef, ...]]]:
    """Return who is permitted an action without conditions, by role or by policy."""
    found: dict[str, set[EntityRef]] = {}
    for rule in here:
        if (
            not rule.is_permit
            or not _names(rule, action)
            or not _is_plain(release, rule)
        ):
            continue
        head = rule.statement.principal
        name, holders = _holders(release, rule, head, namespace)
        for who in holders:
            facts = release.facts(who, namespace)
            if certainly(rule.tree, facts):
                found.setdefault(name, set()).add(who)
            for reason in sorted(facts.missing):
                release.note(rule, reason, NOT_EXPORTED)
    return [(name, tuple(sorted(holders))) for name, holders in found.items()]


def _holders(
    release: Release, rule: Rule, head: Head, namespace: EntityRef
) -> tuple[str, list[EntityRef]]:
    match head:
        case Head(op="in", type="Role"):
            return head.id, release.certain_holders(head.id, namespace)
        case Head(op="=="):
            return rule.policy.slug, [EntityRef(head.type, head.id)]
        case Head(op="is"):
            known = [who for who in release.principals if who.type == head.type]
            return rule.policy.slug, known
        case _:
            return rule.policy.slug, list(release.principals)


def _is_plain(release: Release, rule: Rule) -> bool:
    """Say whether a permit asks for nothing that a cluster cannot know."""
    policy = rule.policy
    if policy.effective_from or policy.effective_until:
        release.note(rule, "counts for a time only", NOT_EXPORTED)
    if policy.obligations:
        release.note(rule, "asks for obligations", NOT_EXPORTED)
    return not (policy.effective_from or policy.effective_until or policy.obligations)


def _names(rule: Rule, action: str) -> bool:
    head = rule.statement.action
    return head.op == "any" or action in (head.ids or (head.id,))


def _stopped(
    release: Release,
    namespace: EntityRef,
    here: Sequence[Rule],
    who: EntityRef,
    action: str,
) -> bool:
    """Say whether a forbid or an error could stop somebody; noted if so."""
    stopped = False
    for rule in here:
        if not _names(rule, action) or not _may_be_for(release, rule, who):
            continue
        facts = release.facts(who, namespace)
        cover = failing(rule.tree, facts)
        if not rule.is_permit:
            cover = [*possibly(rule.tree, facts), *cover]
        if cover:
            reason = "rights there can only be added: what it may stop is not granted"
            release.note(rule, reason, WIDENED)
            stopped = True
    return stopped


def _may_be_for(release: Release, rule: Rule, who: EntityRef) -> bool:
    match rule.statement.principal:
        case Head(op="any"):
            return True
        case Head(op="is", type=kind):
            return kind == who.type
        case Head(op="==", type=kind, id=ident):
            return EntityRef(kind, ident) == who
        case Head(op="in", type="Role", id=role):
            return who in release.possible_holders(role)
        case _:
            return True


def _note_rest(release: Release, here: Iterable[Rule]) -> None:
    """Note what a cluster has no verbs for, and whom it does not know."""
    for rule in here:
        head = rule.statement.action
        unknown = [
            one for one in head.ids or filter(None, [head.id]) if one not in MAPPING
        ]
        if unknown:
            reason = f"“{unknown[0]}” has no verbs in a cluster"
            release.note(rule, reason, NOT_EXPORTED if rule.is_permit else WIDENED)
        who = EntityRef(rule.statement.principal.type, rule.statement.principal.id)
        if rule.statement.principal.op == "==" and _subject(who) is None:
            reason = f"{who.type} {who.id} is no service account of a cluster"
            release.note(rule, reason, NOT_EXPORTED)


def _note_temporary(release: Release) -> None:
    """Note assignments that a binding would make permanent, where any is exported."""
    for who, grant in release.temporary():
        reason = f"{who.type} {who.id} holds the role {grant.role} not for good"
        release.findings.add(
            Unsupported("", f"assignment {grant.id}", reason, NOT_EXPORTED)
        )


def _subject(who: EntityRef) -> Manifest | None:
    if who.type == "User":
        return {"apiGroup": _GROUP, "kind": "User", "name": who.id}
    account = service_account(who)
    if account is None or not (is_name(account[1]) and is_name(account[2])):
        return None
    return {"kind": "ServiceAccount", "name": account[2], "namespace": account[1]}


def _binding(
    name: str, namespace: str, subjects: list[Manifest], action: str
) -> list[Manifest]:
    rules = [
        {"apiGroups": [group], "resources": [*resources], "verbs": [*verbs]}
        for group, resources, verbs in MAPPING[action]
    ]
    api = f"{_GROUP}/v1"
    metadata = _metadata(name, namespace)
    return [
        {"apiVersion": api, "kind": "Role", "metadata": metadata, "rules": rules},
        {
            "apiVersion": api,
            "kind": "RoleBinding",
            "metadata": metadata,
            "roleRef": {"apiGroup": _GROUP, "kind": "Role", "name": name},
            "subjects": subjects,
        },
    ]


def _metadata(name: str, namespace: str) -> Manifest:
    return {"name": name, "namespace": namespace, "labels": dict(MANAGED)}
