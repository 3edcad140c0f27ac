"""Make sets of changes through the same services as the pages."""

from __future__ import annotations

from typing import Any

from apps.accounts.models import User
from apps.accounts.services import actor_for
from apps.approvals import services
from apps.approvals.choices import ItemKind
from apps.approvals.models import ChangeItem, ChangeSet
from tests.factories.approvals import CONTENT

NIGHT: dict[str, Any] = {
    "slug": "night-shift",
    "name": "Night shift",
    "zone": "Europe/Berlin",
    "weekdays": [1, 2, 3, 4, 5],
    "start": "22:00",
    "end": "06:00",
    "is_overnight": True,
}
PLACE: dict[str, Any] = {
    "slug": "branch",
    "name": "Branch",
    "cidrs": ["192.0.2.0/24"],
}
OPERATOR: dict[str, Any] = {
    "slug": "night-operator",
    "name": "Night operator",
    "tier": "operator",
    "permissions": [{"action": "deploy", "resource_type": "Namespace"}],
}
POLICY: dict[str, Any] = CONTENT | {
    "name": "Night deploys",
    "principals": [{"type": "Role", "id": "night-operator"}],
    "windows": ["night-shift"],
    "locations": ["branch"],
}


def make_set(author: User, title: str = "Open the night shift") -> ChangeSet:
    """Return an empty set of changes."""
    return services.create_change_set(
        actor=actor_for(author), title=title, reason="Deploys move to the night."
    )


def put(
    author: User, row: ChangeSet, kind: ItemKind, content: dict[str, Any]
) -> ChangeItem:
    """Add a change to a set."""
    return services.put_change(
        actor=actor_for(author), set_id=row.pk, kind=kind, content=content
    )


def make_full_set(author: User) -> ChangeSet:
    """Return a set with a window, a place, a role and a policy that names them all."""
    row = make_set(author)
    put(author, row, ItemKind.WINDOW, NIGHT)
    put(author, row, ItemKind.LOCATION, PLACE)
    put(author, row, ItemKind.ROLE, OPERATOR)
    put(author, row, ItemKind.POLICY, POLICY)
    return row
