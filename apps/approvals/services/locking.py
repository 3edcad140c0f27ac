"""Take the locks of everything that changes touch, in one order.

Whoever changes a window or a role locks its row, and the head of the audit trail last.
A set touches many; it takes all their locks before the first act.
"""

from __future__ import annotations

from collections.abc import Iterable

from apps.approvals.choices import ItemKind
from apps.approvals.services.carrying import Wanted
from apps.policies.models import PolicyDraft
from apps.roles.services.trail import lock_roles
from apps.scopes.models import HolidayCalendar, Location, TimeWindow

_ROWS = (
    (ItemKind.CALENDAR, HolidayCalendar),
    (ItemKind.WINDOW, TimeWindow),
    (ItemKind.LOCATION, Location),
)


def lock_grounds(wanted: Iterable[Wanted]) -> None:
    """Lock what is there of everything that is about to be changed."""
    named: dict[ItemKind, set[str]] = {}
    for one in wanted:
        named.setdefault(one.kind, set()).add(one.slug)
    for kind, model in _ROWS:
        if kind in named:
            rows = model.objects.select_for_update().filter(slug__in=named[kind])
            list(rows.order_by("slug").values_list("pk", flat=True))
    if ItemKind.ROLE in named:
        lock_roles()
    slugs = named.get(ItemKind.POLICY, set()) | named.get(ItemKind.POLICY_STATE, set())
    if slugs:
        rows_ = PolicyDraft.objects.select_for_update(of=("self", "policy"))
        found = rows_.select_related("policy").filter(policy__slug__in=slugs)
        list(found.order_by("pk"))
