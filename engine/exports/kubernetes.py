"""Kubernetes: who may do what in a namespace, and that tenants do not reach each other.

Access control there only ever adds. So a right is exported only where a policy permits
it without conditions and no policy could forbid it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from engine.exports.flatten import Unsupported
from engine.exports.partial import failing, possibly
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
from protocol.records import EntityRef, Head, Record

NAMESPACE = "Namespace"
TENANT_LABEL = "portward.io/tenant"
MANAGED = {"app.kubernetes.io/managed-by": "portward"}
_ONLY_VERBS = "is exported for the actions that have verbs in a cluster"
_ONLY_KNOWN = "is exported for those who are registered"
_NO_DUTIES = "nothing is granted there that it may stop, and nothing else happens"
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


def _sharing(action: str) -> frozenset[str]:
    """Return the actions with which one shares a right, itself among them."""

    def rights(name: str) -> set[tuple[str, str, str]]:
        return {(g, r, v) for g, rs, vs in MAPPING[name] for r in rs for v in vs}

    return frozenset(name for name in MAPPING if rights(name) & rights(action))


SHARING = {action: _sharing(action) for action in MAPPING}


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
            subjects = [one for who in free if (one := _subject(release, who))]
            if subjects:
                found += _binding(
                    name_of("portward", name, action), namespace.id, subjects, action
                )
    _note_rest(release, here, namespace)
    return found


def _permitted(
    release: Release, namespace: EntityRef, here: Sequence[Rule], action: str
) -> list[tuple[str, tuple[EntityRef, ...]]]:
    """Return who is permitted an action without conditions, by role or by policy."""
    found: dict[str, set[EntityRef]] = {}
    for rule in here:
        if not rule.is_permit or not _names(rule, action) or not _is_plain(rule):
            continue
        name, holders = _holders(release, rule, namespace)
        for who in holders:
            if release.allowed(rule, release.facts(who, namespace, is_open=True)):
                found.setdefault(name, set()).add(who)
    return [(name, tuple(sorted(holders))) for name, holders in found.items()]


def _holders(
    release: Release, rule: Rule, namespace: EntityRef
) -> tuple[str, list[EntityRef]]:
    head = rule.statement.principal
    match head:
        case Head(op="in", type="Role"):
            return head.id, release.certain_holders(head.id, namespace)
        case Head(op="=="):
            return rule.policy.slug, [EntityRef(head.type, head.id)]
        case Head(op="is"):
            known = [who for who in release.principals if who.type == head.type]
            return rule.policy.slug, known
        case Head(op="any"):
            return rule.policy.slug, list(release.principals)
        case _:
            return rule.policy.slug, []


def _is_plain(rule: Rule) -> bool:
    """Say whether a permit asks for nothing that a cluster cannot know."""
    policy = rule.policy
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
    """Say whether a forbid or an error could stop somebody; noted if so.

    One right can belong to several actions: whoever must not restart a deployment must
    not get what deploying needs.
    """
    stopped = False
    for rule in here:
        named = any(_names(rule, one) for one in SHARING[action])
        if not named or not _may_be_for(release, rule, who):
            continue
        facts = release.facts(who, namespace, is_open=True)
        cover = failing(rule.tree, facts)
        if rule.may_deny:
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


def _note_rest(release: Release, here: Iterable[Rule], namespace: EntityRef) -> None:
    """Note what a cluster has no verbs for, and whom it does not know."""
    for rule in here:
        head = rule.statement.action
        unknown = [
            one for one in head.ids or filter(None, [head.id]) if one not in MAPPING
        ]
        if unknown:
            reason = f"“{unknown[0]}” has no verbs in a cluster"
            release.note(rule, reason, NOT_EXPORTED if rule.is_permit else UNSAID)
        if head.op == "any" and rule.is_permit:
            release.note(rule, "is for any action", _ONLY_VERBS)
        if rule.policy.obligations:
            reason = "asks for obligations"
            release.note(rule, reason, NOT_EXPORTED if rule.is_permit else _NO_DUTIES)
        if rule.is_permit:
            _note_people(release, rule, namespace)


def _note_people(release: Release, rule: Rule, namespace: EntityRef) -> None:
    if rule.policy.effective_from or rule.policy.effective_until:
        release.note(rule, "counts for a time only", NOT_EXPORTED)
    head = rule.statement.principal
    match head:
        case Head(op="in", type="Role"):
            if release.uncertain_holders(head.id, namespace):
                reason = f"some hold the role {head.id} for a time or not alone"
                release.note(rule, reason, NOT_EXPORTED)
        case Head(op="=="):
            pass
        case Head(op="any" | "is"):
            release.note(rule, "is for anybody", _ONLY_KNOWN)
        case _:
            reason = f"is for what lies in {head.type or head.in_type}"
            release.note(rule, reason, NOT_EXPORTED)
    for who in _holders(release, rule, namespace)[1]:
        if _subject(release, who) is None:
            reason = f"{who.type} {who.id} has no name of its own in a cluster"
            release.note(rule, reason, NOT_EXPORTED)


def _note_temporary(release: Release) -> None:
    """Note assignments that a binding would make permanent, where any is exported."""
    for who, grant in release.temporary():
        reason = f"{who.type} {who.id} holds the role {grant.role} not for good"
        release.findings.add(
            Unsupported("", f"assignment {grant.id}", reason, NOT_EXPORTED)
        )


def _subject(release: Release, who: EntityRef) -> Manifest | None:
    """Return how a cluster names somebody, if it knows them by that name alone."""
    if who.type == "User" and not who.id.startswith("system:"):
        return {"apiGroup": _GROUP, "kind": "User", "name": who.id}
    account = service_account(who)
    if account is None or not (is_name(account[1]) and is_name(account[2])):
        return None
    if len(release.domains[account[1:]]) > 1:
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
