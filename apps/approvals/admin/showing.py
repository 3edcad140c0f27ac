"""What the pages of changes show: sentences, fields, pictures, evidence, talk."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from django.urls import reverse
from django.utils import timezone

from apps.accounts.models import User
from apps.approvals import rules, selectors
from apps.approvals.choices import ItemKind
from apps.approvals.models import (
    ApprovalRequest,
    ChangeItem,
    ChangeSet,
    Comment,
    RequestItem,
)
from apps.core.errors import PortwardError
from apps.policies import selectors as policies
from apps.scopes import selectors as scopes
from apps.scopes.rules import WindowSpec, dates_of, pictures
from protocol.records import WindowRecord
from protocol.zones import zone_transitions

Content = Mapping[str, Any]
_MOST_SIMILAR = 5


def compare(
    before: dict[str, Any] | None, after: dict[str, Any]
) -> list[dict[str, Any]]:
    """Return the fields that differ as lines to show side by side."""
    return [
        {
            "name": name.replace("_", " "),
            "before": rules.readable(old),
            "after": rules.readable(new),
        }
        for name, old, new in rules.changed_fields(before, after)
        if rules.readable(old) != rules.readable(new)
    ]


def describe_set(row: ChangeSet, user: User) -> dict[str, Any]:
    """Return what a set would change, and what stands in its way."""
    items = selectors.items_of(row)
    conflicts = selectors.conflicts_of(items) if row.is_draft else []
    found = {conflict.item.pk: conflict for conflict in conflicts}
    proof = selectors.proof_of_set(row)
    windows = {name for one in items for name in one.content.get("windows") or ()}
    return {
        "row": row,
        "changes": [describe_change(row, one, found.get(one.pk)) for one in items],
        "conflicts": conflicts,
        "outcome": row.outcome,
        "effective": policies.effective_at(row.activate_at, windows)
        if row.activate_at
        else None,
        "proof": describe_proof(proof),
        "progress_url": progress_url(proof),
        "preview": selectors.preview_set(
            row,
            [(ItemKind(one.kind), one.content) for one in items],
            opener_id=user.pk,
            proof=proof,
        )
        if row.is_draft and items
        else None,
        "talk": describe_talk(
            selectors.threads(selectors.comments_about(row, None)), user
        ),
        "talk_items": [(f"{one.kind}:{one.slug}", str(one)) for one in items],
    }


def describe_change(
    row: ChangeSet, item: ChangeItem, conflict: selectors.Conflict | None
) -> dict[str, Any]:
    """Return one change of a set as the pages show it."""
    outcome = selectors.outcome_of(row, item)
    ground = selectors.ground_of(ItemKind(item.kind), item.slug)
    before = ground.live if row.is_draft else item.base_content
    return shown_change(ItemKind(item.kind), before, item.content) | {
        "item": item,
        "conflict": conflict,
        "cedar": outcome.get("cedar", ""),
        "digest": outcome.get("digest", ""),
        "problems": outcome.get("problems", []),
        "is_new": before is None,
    }


def shown_change(
    kind: ItemKind, before: Content | None, after: Content
) -> dict[str, Any]:
    """Return what differs, by field and in words, with pictures where they help."""
    return {
        "kind": kind,
        "label": kind.label,
        "name": after.get("name") or after.get("slug"),
        "was": "" if kind is ItemKind.POLICY_STATE else says(kind, before),
        "says": says(kind, after),
        "fields": compare(
            dict(before) if before and kind is not ItemKind.POLICY_STATE else None,
            dict(after),
        ),
        "pictures": _pictures(before, after) if kind is ItemKind.WINDOW else [],
        "permissions": _permissions(before, after) if kind is ItemKind.ROLE else None,
    }


def says(kind: ItemKind, content: Content | None) -> str:
    """Return a content in one sentence."""
    if content is None:
        return ""
    if kind is ItemKind.POLICY:
        return selectors.sentence_of(dict(content))
    try:
        return selectors.sentence_of_plain(kind, dict(content))
    except PortwardError:
        return ""


def describe_request_item(item: RequestItem) -> dict[str, Any]:
    """Return a change of a request as it was when that was opened."""
    kind = ItemKind(item.kind)
    return shown_change(kind, item.before, item.content)


def describe_conflict(item: ChangeItem) -> dict[str, Any]:
    """Return mine beside theirs, and what both were based on."""
    kind = ItemKind(item.kind)
    found = selectors.conflicts_of([item])
    theirs = selectors.ground_of(kind, item.slug).content
    names = sorted(
        {name for name, _, _ in rules.changed_fields(item.base_content, item.content)}
        | {name for name, _, _ in rules.changed_fields(item.base_content, theirs)}
    )
    sides = (item.base_content or {}, item.content, theirs or {})
    lines = [
        (name.replace("_", " "), *(rules.readable(side.get(name)) for side in sides))
        for name in names
    ]
    return {
        "item": item,
        "conflict": found[0] if found else None,
        "theirs_says": says(kind, theirs),
        "mine_says": says(kind, item.content),
        "lines": lines,
    }


def describe_proof(proof: selectors.Proof | None) -> dict[str, Any] | None:
    """Return evidence as the pages show it."""
    if proof is None:
        return None
    document = proof.document
    impact, replay = document.get("impact", {}), document.get("replay", {})
    return {
        "proof": proof,
        "impact": impact,
        "risk": impact.get("risk", {}),
        "radius": impact.get("blast_radius", {}),
        "replay": replay,
        "examples": [_example(one) for one in impact.get("examples", [])[:10]],
        "findings": _findings(document.get("lint")),
        "failures": _failures(document.get("tests")),
        "checks": _checks(document),
    }


def progress_url(proof: selectors.Proof | None) -> str:
    """Return where the console looks how far evidence is."""
    return reverse("simulation:progress", args=[proof.id]) if proof else ""


def describe_talk(threads: list[selectors.Thread], user: User) -> list[dict[str, Any]]:
    """Return what was said, and what of it this person may change."""
    return [
        _said(one.comment, user)
        | {"replies": [_said(reply.comment, user) for reply in one.replies]}
        for one in threads
    ]


def similar_to(request: ApprovalRequest) -> list[ApprovalRequest]:
    """Return earlier requests about the same things, newest first."""
    named = {(item.kind, item.slug) for item in request.items.all()}
    ids = [item.policy_id for item in request.items.all() if item.policy_id]
    rows = RequestItem.objects.exclude(request=request).select_related("request")
    found: dict[uuid.UUID, ApprovalRequest] = {}
    slugs = {slug for _, slug in named if slug}
    wanted = rows.filter(slug__in=slugs) | rows.filter(policy_id__in=ids)
    for item in wanted.order_by("-request__created_at")[: 10 * _MOST_SIMILAR]:
        if (item.kind, item.slug) in named or item.policy_id in ids:
            found.setdefault(item.request_id, item.request)
    return list(found.values())[:_MOST_SIMILAR]


_TONES = {"error": "bad", "warning": "warn", "note": "muted"}


def _example(one: Mapping[str, Any]) -> str:
    who, what = one["principal"], one["resource"]
    turn = str(one["turn"]).replace("_", " ")
    return (
        f"{who['type']} {who['id']} may {one['action']} {what['type']} {what['id']}: "
        f"{turn} ({one['before']} before, {one['after']} then)"
    )


def _findings(lint: Mapping[str, Any] | None) -> list[dict[str, str]]:
    return [
        {
            "severity": str(one.get("severity", "note")),
            "tone": _TONES.get(str(one.get("severity")), "muted"),
            "message": str(one.get("message", "")),
        }
        for one in (lint or {}).get("findings", [])[:10]
    ]


def _failures(tests: Mapping[str, Any] | None) -> list[str]:
    return [
        f"{one['policy']}: {problem['message']}"
        for one in (tests or {}).get("policies", [])
        for problem in one["problems"]
    ]


def _checks(document: Mapping[str, Any]) -> list[dict[str, str]]:
    tests, lint = document.get("tests") or {}, document.get("lint") or {}
    run = tests.get("passed", 0) + tests.get("failed", 0)
    told = [
        {
            "name": "Tests",
            "text": f"{tests.get('passed', 0)} of {run} pass" if run else "none ran",
        }
    ]
    if lint:
        errors, warnings = lint.get("errors", 0), lint.get("warnings", 0)
        text = f"{_number(errors, 'error')}, {_number(warnings, 'warning')}"
        told.append({"name": "Linter", "text": text})
    return told


def _number(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _said(comment: Comment, user: User) -> dict[str, Any]:
    is_own = comment.author_id == user.pk and comment.deleted_at is None
    return {"comment": comment, "may_change": is_own}


def _permissions(before: Content | None, after: Content) -> dict[str, list[str]]:
    old, new = _held(before), _held(after)
    return {"gained": sorted(new - old), "lost": sorted(old - new)}


def _held(content: Content | None) -> set[str]:
    held = content.get("permissions", []) if content else []
    return {f"{one['action']} on {one['resource_type']}" for one in held}


def _pictures(before: Content | None, after: Content) -> list[dict[str, Any]]:
    found = []
    for title, content in (("Now", before), ("Then", after)):
        picture = _picture(content)
        if picture is not None:
            found.append(picture | {"title": title})
    return found


def _picture(content: Content | None) -> dict[str, Any] | None:
    if content is None:
        return None
    try:
        spec = rules.parse_spec_of(ItemKind.WINDOW, dict(content))
        if not isinstance(spec, WindowSpec):
            return None
        record = _record(spec)
    except PortwardError:
        # It names a calendar of the same set; the words say when it is open.
        return None
    now = timezone.now()
    start = pictures.picture_start(spec.zone, now)
    turns = zone_transitions(spec.zone, int(start.timestamp()))
    days = pictures.picture_days(record, now, turns, {})
    return {
        "zone": str(ZoneInfo(spec.zone)),
        "week": pictures.week_strip(days),
        "hours": pictures.hour_marks(),
    }


def _record(spec: WindowSpec) -> WindowRecord:
    found = dates_of(spec, scopes.calendar_dates())
    stamps = {
        name: rules.instant_text(moment) if moment else None
        for name, moment in (("opens_at", spec.opens_at), ("closes_at", spec.closes_at))
    }
    return WindowRecord(
        spec.slug,
        name=spec.name,
        zone=spec.zone,
        weekdays=spec.weekdays,
        start_minute=spec.start_minute,
        end_minute=spec.end_minute,
        date_from=spec.date_from.isoformat() if spec.date_from else None,
        date_until=spec.date_until.isoformat() if spec.date_until else None,
        closed_on=tuple(day.isoformat() for day in found.closed),
        open_on=tuple(day.isoformat() for day in found.open),
        **stamps,
    )
