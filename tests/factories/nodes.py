"""Enroll nodes and let them report, through the same services as the edge."""

from __future__ import annotations

import base64
import datetime as dt
import secrets
import uuid
from typing import Any

from django.utils import timezone

from apps.audit.events import Actor
from apps.distribution.services import ReceivedReport, record_reports
from apps.nodes import services
from apps.nodes.models import Node
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from protocol.decisions import DecisionEntry
from protocol.records import EntityRef

SYSTEM = Actor.command("tests")


def enroll(tenant: Tenant, name: str, group: str = "") -> Node:
    """Return a node that has just enrolled, in a group if one is named."""
    key = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
    with tenant_scope(tenant.pk):
        if group:
            services.ensure_group(actor=SYSTEM, slug=group, name=group.title())
        token = services.create_join_token(
            actor=SYSTEM, node_name=name, groups=[group] if group else []
        )
        return services.enroll_node(token=token, name=name, public_key=key)


def report(node: Node, **said: Any) -> None:
    """Record one report of a node."""
    values: dict[str, Any] = {
        "revision": 1,
        "fingerprint": "",
        "seen_at": timezone.now(),
    } | said
    record_reports({node.tenant_id: [ReceivedReport(node_id=node.pk, **values)]})


def decision_entry(
    *,
    allowed: bool = True,
    count: int = 1,
    at: dt.datetime | None = None,
    grants: tuple[str, ...] = (),
) -> DecisionEntry:
    """Return what a node might have decided."""
    at = at or timezone.now()
    return DecisionEntry(
        id=uuid.uuid4(),
        first_at=at,
        last_at=at,
        count=count,
        principal=EntityRef("User", "alice"),
        action="restart",
        resource=EntityRef("Node", "web-1"),
        allowed=allowed,
        reason="permitted" if allowed else "forbidden",
        determining=("p",),
        grants=grants,
        revision=1,
    )
