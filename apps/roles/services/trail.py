"""What every act of this app leaves behind: an audit entry and an outbox message."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import connection

from apps.audit import services as audit
from apps.audit.events import Actor
from apps.outbox import services as outbox
from apps.outbox.choices import Lane
from apps.roles.events import RolesAction, RolesTopic
from apps.tenants.services import require_tenant_id


def announce(
    *,
    actor: Actor,
    action: RolesAction,
    target: tuple[str, str],
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
    urgent: bool = False,
) -> None:
    """Append to the audit log and tell that a release is due.

    What grants or ends somebody's access now is urgent: it waits behind nothing else.
    """
    audit.append(
        actor=actor,
        action=action,
        target_type=target[0],
        target_id=target[1],
        before=dict(before) if before is not None else None,
        after=dict(after) if after is not None else None,
    )
    outbox.enqueue(
        topic=RolesTopic.CHANGED,
        payload={"cause": {"act": action.value, "target": ":".join(target)}},
        coalesce_key="roles",
        lane=Lane.URGENT if urgent else Lane.DEFAULT,
    )


def lock_roles() -> None:
    """Let one transaction at a time change roles of the tenant.

    The trigger on inheritance takes the same lock, so a rule that looks at the whole
    graph decides on what will be committed.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))",
            [f"roles:{require_tenant_id()}"],
        )
