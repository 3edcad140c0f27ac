"""Let nodes in, and put them out."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Sequence

from django.db import connection, transaction
from django.utils import timezone

from apps.audit import services as audit
from apps.audit.events import Actor
from apps.nodes import rules
from apps.nodes.choices import NodeState
from apps.nodes.errors import (
    JoinTokenError,
    NodeGroupUsedError,
    NodeNameError,
    NodeNameTakenError,
    NodeNotFoundError,
    PublicKeyError,
)
from apps.nodes.events import NodeAction, NodeTopic
from apps.nodes.models import JoinToken, Node, NodeGroup, NodeGroupMembership
from apps.outbox import services as outbox
from apps.tenants.services import require_tenant_id

NODES_CHANNEL = "portward_nodes"


@transaction.atomic
def ensure_group(*, actor: Actor, slug: str, name: str) -> NodeGroup:
    """Return the group of this short name, making it if there is none."""
    group, created = NodeGroup.objects.get_or_create(
        tenant_id=require_tenant_id(), slug=slug, defaults={"name": name}
    )
    if created:
        audit.append(
            actor=actor,
            action="node_group.created",
            target_type="node_group",
            target_id=slug,
            after={"name": name},
        )
    return group


@transaction.atomic
def remove_group(*, actor: Actor, slug: str) -> None:
    """Remove a group without nodes. Raises NodeGroupUsedError."""
    group = NodeGroup.objects.select_for_update().filter(slug=slug).first()
    if group is None:
        return
    if NodeGroupMembership.objects.filter(group=group).exists():
        raise NodeGroupUsedError
    name = group.name
    group.delete()
    audit.append(
        actor=actor,
        action="node_group.removed",
        target_type="node_group",
        target_id=slug,
        before={"name": name},
    )


@transaction.atomic
def create_join_token(
    *, actor: Actor, node_name: str, groups: Sequence[str] = ()
) -> str:
    """Return a secret that lets this node enroll once, within ten minutes.

    Only its hash is kept, so it can be shown this one time.

    Raises NodeNameError and NodeNameTakenError.
    """
    if not rules.is_node_name(node_name):
        raise NodeNameError(field="name")
    _refuse_taken(node_name)
    token = f"pwj_{secrets.token_urlsafe(32)}"
    now = timezone.now()
    record = JoinToken.objects.create(
        tenant_id=require_tenant_id(),
        token_hash=rules.token_hash(token),
        node_name=node_name,
        groups=list(groups),
        created_by=actor.name,
        created_at=now,
        expires_at=now + rules.JOIN_TOKEN_LIFETIME,
    )
    audit.append(
        actor=actor,
        action=NodeAction.TOKEN_CREATED,
        target_type="join_token",
        target_id=str(record.pk),
        after={"node": node_name, "groups": list(groups)},
    )
    return token


@transaction.atomic
def enroll_node(*, token: str, name: str, public_key: str) -> Node:
    """Trade a join token for a place in the fleet of the current tenant.

    The token is used up in the same transaction, under its row's lock.

    Raises JoinTokenError, PublicKeyError, NodeNameTakenError.
    """
    if not rules.is_node_name(name):
        raise JoinTokenError(field="token")
    now = timezone.now()
    record = (
        JoinToken.objects.select_for_update()
        .filter(token_hash=rules.token_hash(token), node_name=name)
        .first()
    )
    if record is None or not rules.is_token_usable(
        expires_at=record.expires_at, used_at=record.used_at, now=now
    ):
        raise JoinTokenError(field="token")
    key = rules.parse_public_key(public_key)
    if key is None:
        raise PublicKeyError(field="public_key")
    _refuse_taken(name)
    record.used_at = now
    record.save(update_fields=["used_at"])
    tenant_id = require_tenant_id()
    node = Node.objects.create(
        tenant_id=tenant_id, name=name, public_key=key, enrolled_at=now
    )
    for group in NodeGroup.objects.filter(slug__in=record.groups):
        NodeGroupMembership.objects.create(tenant_id=tenant_id, node=node, group=group)
    audit.append(
        actor=Actor("node", str(node.pk), name),
        action=NodeAction.ENROLLED,
        target_type="node",
        target_id=str(node.pk),
        after={"name": name, "groups": record.groups, "join_token": str(record.pk)},
    )
    _announce(node)
    return node


@transaction.atomic
def revoke_node(*, actor: Actor, node_id: uuid.UUID) -> Node:
    """Put a node out: the edge answers it no more, from the next seconds on.

    Revoking it again changes nothing. Raises NodeNotFoundError.
    """
    node = Node.objects.select_for_update().filter(pk=node_id).first()
    if node is None:
        raise NodeNotFoundError
    if node.state == NodeState.REVOKED:
        return node
    node.state = NodeState.REVOKED
    node.revoked_at = timezone.now()
    node.save(update_fields=["state", "revoked_at"])
    audit.append(
        actor=actor,
        action=NodeAction.REVOKED,
        target_type="node",
        target_id=str(node.pk),
        before={"state": NodeState.ACTIVE.value},
        after={"state": NodeState.REVOKED.value},
    )
    _announce(node)
    return node


def _refuse_taken(name: str) -> None:
    if Node.objects.filter(name=name, state=NodeState.ACTIVE).exists():
        raise NodeNameTakenError(field="name")


def _announce(node: Node) -> None:
    """Tell whoever keeps this node in mind that it changed, when this commits."""
    outbox.enqueue(
        topic=NodeTopic.CHANGED,
        payload={"node": str(node.pk)},
        coalesce_key=str(node.pk),
    )
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_notify(%s, %s)", [NODES_CHANNEL, f"{node.tenant_id}:{node.pk}"]
        )
