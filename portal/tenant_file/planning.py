"""Say what a file would change before it does, and carry it out as it was planned.

A plan does everything and takes it back, so that it refuses what applying would refuse.
It compares drafts: what a file says of a policy changes nothing on the nodes before
others have approved it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction

from apps.approvals import services as approvals
from apps.approvals.models import ApprovalRequest
from apps.audit.events import Actor
from apps.core.errors import ChangedMeanwhileError
from apps.policies import selectors as policies
from apps.policies.rules.lint import Finding
from apps.simulation import selectors as simulation
from apps.simulation.rules.changes import RecordChange
from apps.tenants.models import Tenant
from apps.tenants.services import require_tenant_id
from portal.tenant_file.errors import TenantFileError
from portal.tenant_file.loading import Visit, load_content
from portal.tenant_file.pruning import prune as prune_content
from portal.tenant_file.reading import Item, read_text
from portal.tenant_file.writing import Content, Side, content_digest, tenant_content
from protocol.records import PolicyRecord

_NAMES = (
    *("slug", "key", "purpose", "name", "principal", "entity_type"),
    *("type", "role", "scope", "kind", "start"),
)


@dataclass(frozen=True)
class Change:
    """What happens to one item; `fields` holds name, before and after of each.

    `kind` is new, changed or remove.
    """

    section: str
    name: str
    kind: str
    fields: tuple[tuple[str, Any, Any], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "section": self.section,
            "name": self.name,
            "kind": self.kind,
            "fields": [
                {"name": name, "before": before, "after": after}
                for name, before, after in self.fields
            ],
        }


@dataclass(frozen=True)
class Plan:
    """Everything that applying a file does to a tenant.

    `unmanaged` names what the tenant has and the file does not; it stays. `asked` are
    requests that others decide on, and `drafts` the policies that wait to be proposed.
    """

    before: str
    after: str
    changes: tuple[Change, ...]
    unmanaged: tuple[tuple[str, str], ...]
    asked: tuple[str, ...]
    drafts: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "before": self.before,
            "after": self.after,
            "changes": [change.to_dict() for change in self.changes],
            "unmanaged": [
                {"section": section, "name": name} for section, name in self.unmanaged
            ],
            "requests": list(self.asked),
            "drafts": list(self.drafts),
        }


@dataclass
class Applied:
    """A plan that was carried out, and the requests that came of it."""

    plan: Plan
    request_ids: list[str] = field(default_factory=list)


@transaction.atomic
def plan_file(*, actor: Actor, text: str, prune: bool = False) -> Plan:
    """Return what applying a file would do now; raises TenantFileError."""
    with transaction.atomic():
        plan, _visit = _carry_out(actor, text, is_pruning=prune)
        transaction.set_rollback(True)
    return plan


@transaction.atomic
def measure_file(
    *, actor: Actor, text: str, now: dt.datetime, prune: bool = False
) -> dict[str, Any]:
    """Return who would gain or lose what by a file, once all of it is approved.

    Raises TenantFileError.
    """
    before = {record.key: record for record in simulation.live_records()}
    with transaction.atomic():
        plan, visit = _carry_out(actor, text, is_pruning=prune)
        after = {
            record.key: record
            for record in simulation.live_records()
            if not isinstance(record, PolicyRecord) or record.slug not in visit.retiring
        }
        rows = policies.drafts().filter(policy__slug__in=plan.drafts)
        proposed = [simulation.change_of_draft(row) for row in rows]
        transaction.set_rollback(True)
    changes = [
        *(RecordChange.remove(key) for key in before.keys() - after.keys()),
        *(
            RecordChange.put(record)
            for key, record in after.items()
            if before.get(key) != record
        ),
        *proposed,
    ]
    return simulation.impact(changes, now)


@transaction.atomic
def run_file_tests(*, actor: Actor, text: str) -> list[dict[str, Any]]:
    """Run the tests beside all policies as a file would leave them.

    Raises TenantFileError.
    """
    with transaction.atomic():
        _carry_out(actor, text)
        catalogue = policies.catalogue()
        reports = [
            {"policy": row.policy.slug}
            | policies.run_tests(row, catalogue=catalogue).to_dict()
            for row in policies.drafts()
        ]
        transaction.set_rollback(True)
    return reports


@transaction.atomic
def apply_file(
    *,
    actor: Actor,
    text: str,
    planned: str,
    title: str = "",
    reason: str = "",
    prune: bool = False,
) -> Applied:
    """Apply a file to the tenant whose scope is open: all of it or nothing.

    With `prune` everything is removed that the file leaves out. `planned` is the digest
    that the plan began with. With a title, the drafts that the file changed are
    proposed together. Raises TenantFileError, ChangedMeanwhileError and what proposing
    raises.
    """
    _lock_tenant()
    plan, visit = _carry_out(actor, text, is_pruning=prune)
    if plan.before != planned:
        raise ChangedMeanwhileError(
            "The tenant was changed after this was planned.",
            field="planned",
            remedy="Plan again, read what differs, and apply that.",
        )
    found = [str(request_id) for request_id in visit.asked]
    if title and plan.drafts:
        drafts = policies.open_drafts().filter(policy__slug__in=plan.drafts)
        request = approvals.open_request(
            actor=actor,
            draft_ids=list(drafts.values_list("pk", flat=True)),
            title=title,
            reason=reason,
        )
        found.append(str(request.pk))
    return Applied(plan, found)


@transaction.atomic
def lint_file(*, actor: Actor, text: str) -> list[Finding]:
    """Return what is wrong with all policies as a file would leave them.

    Raises TenantFileError.
    """
    with transaction.atomic():
        _carry_out(actor, text)
        found = list(policies.lint_tenant())
        transaction.set_rollback(True)
    return found


def compare(before: Content, after: Content) -> tuple[Change, ...]:
    """Return what differs between two configurations, item by item."""
    found = []
    for section in {**before, **after}:
        old, new = _named(before.get(section, [])), _named(after.get(section, []))
        found += [
            _change(section, name, old.get(name), new.get(name))
            for name in {**old, **new}
        ]
    return tuple(change for change in found if change.fields)


def _carry_out(
    actor: Actor, text: str, *, is_pruning: bool = False
) -> tuple[Plan, Visit]:
    content = read_text(text)
    if "tenant" in content.value:
        _check_tenant(content)
    before = tenant_content(Side.DRAFT)
    waiting = set(_open_drafts())
    visit = Visit(actor, content, is_setup=False)
    load_content(visit)
    if is_pruning:
        prune_content(visit)
    after = tenant_content(Side.DRAFT)
    changes = compare(before, after)
    changed = {one.name for one in changes if one.section == "policies"}
    plan = Plan(
        before=content_digest(before),
        after=content_digest(after),
        changes=changes,
        unmanaged=() if is_pruning else tuple(_unmanaged(content, after)),
        asked=_titles(visit),
        drafts=tuple(
            sorted((changed | waiting & _policies(content)) & set(_open_drafts()))
        ),
    )
    return plan, visit


def _check_tenant(content: Item) -> None:
    """Refuse a file that says that it is another tenant's."""
    item = Item(content.value["tenant"], "tenant", ("slug", "name"))
    tenant = Tenant.objects.get(pk=require_tenant_id())
    if item.text("slug") != tenant.slug:
        raise TenantFileError.at(
            "tenant.slug",
            "other_tenant",
            f"The file is about “{item.text('slug')}”, this is “{tenant.slug}”.",
            "Take “tenant” out of the file to apply it here all the same.",
        )


def _named(items: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {_name(item): item for item in items}


def _name(item: Mapping[str, Any]) -> str:
    """Return what identifies an item within its section, in words."""
    if "slug" in item:
        return str(item["slug"])
    if "key" in item:
        return f"{item.get('type', 'ResourceGroup')}::{item['key']}"
    return " ".join(str(item[name]) for name in _NAMES if name in item)


def _change(
    section: str,
    name: str,
    old: Mapping[str, Any] | None,
    new: Mapping[str, Any] | None,
) -> Change:
    was, is_now = old or {}, new or {}
    fields = tuple(
        (one, was.get(one), is_now.get(one))
        for one in sorted({*was, *is_now})
        if was.get(one) != is_now.get(one)
    )
    kind = "new" if old is None else "remove" if new is None else "changed"
    return Change(section, name, kind, fields)


def _unmanaged(content: Item, after: Content) -> list[tuple[str, str]]:
    """Return what a tenant has in the sections that a file has, beyond the file."""
    found = []
    for section, items in after.items():
        said = content.value.get(section)
        if not isinstance(said, list) or section == "assignments":
            continue
        names = {_name(item) for item in said}
        found += [(section, name) for name in _named(items) if name not in names]
    return found


def _policies(content: Item) -> set[str]:
    return {str(item["slug"]) for item in content.value.get("policies") or []}


def _open_drafts() -> list[str]:
    return list(policies.open_drafts().values_list("policy__slug", flat=True))


def _titles(visit: Visit) -> tuple[str, ...]:
    rows = ApprovalRequest.objects.filter(pk__in=visit.asked)
    return tuple(rows.order_by("title").values_list("title", flat=True))


def _lock_tenant() -> None:
    """Let one file in at a time; editors are told by the digest and their own locks."""
    Tenant.objects.select_for_update(no_key=True).get(pk=require_tenant_id())
