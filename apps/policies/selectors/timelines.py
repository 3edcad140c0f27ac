"""Which version of which policy counted when, and what nodes have to hold."""

from __future__ import annotations

import datetime as dt
import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from apps.accounts.models import User
from apps.policies.choices import Act, Effect, PolicyState
from apps.policies.models import Policy, PolicyAct, PolicyVersion
from apps.policies.rules import lifecycle, timeline
from apps.policies.rules.lifecycle import Decision
from apps.policies.rules.timeline import Span, Term

_DECIDES = (Act.LET_END, Act.EXTEND)


@dataclass(frozen=True)
class Shipped:
    """A version that nodes hold, and how its record is named."""

    version: PolicyVersion
    span: Span
    record_id: str


@dataclass(frozen=True)
class AsOf:
    """Where a policy stood at one moment; no version counted if there is none."""

    policy: Policy
    state: PolicyState
    version: PolicyVersion | None


@dataclass(frozen=True)
class Due:
    """A forbid about whose end somebody has to decide, and by when."""

    version: PolicyVersion
    at: dt.datetime


def shipped_versions(now: dt.datetime | None = None) -> list[Shipped]:
    """Return the versions of live policies that nodes hold, by policy and time.

    Versions that a later one has taken the place of are not even read.
    """
    now = now or timezone.now()
    numbers = PolicyVersion.objects.filter(policy=OuterRef("policy"))
    last = numbers.order_by("-number").values("number")[:1]
    newest = list(
        PolicyVersion.objects.select_related("policy")
        .filter(policy__state=PolicyState.LIVE, number=Subquery(last))
        .order_by("policy__slug")
    )
    behind = [row.policy_id for row in newest if row.effective_from is not None]
    by_policy: dict[uuid.UUID, list[PolicyVersion]] = {
        row.policy_id: [row] for row in newest
    }
    if behind:
        known = {row.pk for row in newest}
        for row in (
            PolicyVersion.objects.select_related("policy")
            .filter(policy_id__in=behind)
            .order_by("-number")
        ):
            if row.pk not in known:
                by_policy[row.policy_id].append(row)
    rows = [row for group in by_policy.values() for row in group]
    decided = decisions_about(rows)
    found: list[Shipped] = []
    for group in by_policy.values():
        by_number = {row.number: row for row in group}
        spans = timeline.shipped(terms_of(group, decided), now)
        found += [
            Shipped(
                by_number[span.number],
                span,
                timeline.record_id(group[0].policy.slug, span, spans),
            )
            for span in spans
        ]
    return found


def shipped_versions_of(
    policy: Policy, now: dt.datetime | None = None
) -> list[Shipped]:
    """Return the versions of one policy that nodes hold, or would if it were live."""
    now = now or timezone.now()
    rows = list(PolicyVersion.objects.select_related("policy").filter(policy=policy))
    spans = timeline.shipped(terms_of(rows, decisions_about(rows)), now)
    by_number = {row.number: row for row in rows}
    return [
        Shipped(
            by_number[span.number], span, timeline.record_id(policy.slug, span, spans)
        )
        for span in spans
    ]


def version_in_force(
    policy_id: uuid.UUID, now: dt.datetime | None = None
) -> PolicyVersion | None:
    """Return the version of a policy that counts, if it is live and one does."""
    now = now or timezone.now()
    rows = list(
        PolicyVersion.objects.select_related("policy").filter(
            policy_id=policy_id, policy__state=PolicyState.LIVE
        )
    )
    span = timeline.in_force(terms_of(rows, decisions_about(rows)), now)
    return next((row for row in rows if span and row.number == span.number), None)


def spans_of_versions(rows: Sequence[PolicyVersion]) -> dict[int, Span]:
    """Return when each of a policy's versions counts or counted; some never did."""
    found = timeline.spans(_as_it_was(rows, decisions_about(rows)))
    return {span.number: span for span in found}


def as_of(moment: dt.datetime) -> list[AsOf]:
    """Return where each policy stood at a moment, by short name."""
    rows: dict[uuid.UUID, list[PolicyVersion]] = defaultdict(list)
    for row in PolicyVersion.objects.select_related("policy").filter(
        frozen_at__lte=moment
    ):
        rows[row.policy_id].append(row)
    acts = _newest_acts(moment)
    decided = decisions_about(
        [row for group in rows.values() for row in group], until=moment
    )
    found = []
    for policy in Policy.objects.filter(pk__in=rows).order_by("slug"):
        state = acts.get(policy.pk, PolicyState.LIVE)
        group = rows[policy.pk]
        span = timeline.in_force(terms_of(group, decided), moment)
        counts = state is PolicyState.LIVE and span is not None
        version = next(
            (row for row in group if counts and span and row.number == span.number),
            None,
        )
        found.append(AsOf(policy, state, version))
    return found


def decisions_about(
    rows: Iterable[PolicyVersion], *, until: dt.datetime | None = None
) -> dict[uuid.UUID, list[Decision]]:
    """Return what was decided about the ends of forbids, the oldest first."""
    asked = [row.pk for row in rows if asks_for_decision(row)]
    found: dict[uuid.UUID, list[Decision]] = defaultdict(list)
    if not asked:
        return found
    acts = PolicyAct.objects.filter(version_id__in=asked, act__in=_DECIDES)
    if until is not None:
        acts = acts.filter(done_at__lte=until)
    for act in acts.order_by("done_at", "pk"):
        if act.version_id is not None and act.until is not None:
            found[act.version_id].append(Decision(act.act == Act.LET_END, act.until))
    return found


def asks_for_decision(version: PolicyVersion) -> bool:
    """Say whether a version is a forbid with an end."""
    forbids = version.content.get("effect") == Effect.FORBID
    return forbids and version.effective_until is not None


def terms_of(
    rows: Iterable[PolicyVersion], decided: dict[uuid.UUID, list[Decision]]
) -> list[Term]:
    """Return the time that each version stands for."""
    return [
        Term(
            row.number,
            row.effective_from,
            lifecycle.end_of(
                row.content["effect"], row.effective_until, decided.get(row.pk, [])
            ),
        )
        for row in rows
    ]


def ended_since(after: dt.datetime, until: dt.datetime) -> QuerySet[PolicyVersion]:
    """Return versions whose start or end lies between two instants.

    From such an instant on nodes need one version less: the one before, or this one.
    """
    bounds = Q(effective_from__gt=after, effective_from__lte=until) | Q(
        effective_until__gt=after, effective_until__lte=until
    )
    return PolicyVersion.objects.filter(bounds, policy__state=PolicyState.LIVE)


def dues(now: dt.datetime | None = None) -> list[Due]:
    """Return the forbids whose end nobody has decided about, the next first."""
    rows = [
        one.version for one in shipped_versions(now) if asks_for_decision(one.version)
    ]
    decided = decisions_about(rows)
    found = []
    for row in rows:
        due = lifecycle.due_of(
            row.content["effect"], row.effective_until, decided.get(row.pk, [])
        )
        if due is not None:
            found.append(Due(row, due))
    return sorted(found, key=lambda one: (one.at, one.version.policy.slug))


def owns_any(user: User) -> bool:
    """Say whether a person owns a live policy that asks its owner for a decision."""
    names = Q()
    for name in {user.username, user.email, user.display_name} - {""}:
        names |= Q(content__owner__iexact=name)
    rows = PolicyVersion.objects.filter(
        names,
        policy__state=PolicyState.LIVE,
        content__effect=Effect.FORBID,
        effective_until__isnull=False,
    )
    return rows.exists()


def due_for(version: PolicyVersion) -> dt.datetime | None:
    """Return by when somebody has to decide about the end of a version."""
    return lifecycle.due_of(
        version.content["effect"],
        version.effective_until,
        decisions_about([version]).get(version.pk, []),
    )


def acts_of(policy_id: uuid.UUID) -> QuerySet[PolicyAct]:
    """Return what was done to a policy, the newest first."""
    return PolicyAct.objects.filter(policy_id=policy_id).order_by("-done_at")


def last_good(rows: Collection[PolicyVersion]) -> PolicyVersion | None:
    """Return the version that was live directly before the newest one."""
    ordered = sorted(rows, key=lambda row: -row.number)
    if len(ordered) < 2:  # noqa: PLR2004  # the newest and one before
        return None
    newest, candidate = ordered[0], ordered[1]
    took_over = newest.effective_from or newest.frozen_at
    start = candidate.effective_from
    return candidate if start is None or start < took_over else None


def _as_it_was(
    rows: Sequence[PolicyVersion], decided: dict[uuid.UUID, list[Decision]]
) -> list[Term]:
    """Return terms that begin when a version was frozen, not before."""
    found = []
    for term, row in zip(terms_of(rows, decided), rows, strict=True):
        start = max(filter(None, [term.start, row.frozen_at]))
        found.append(Term(term.number, start, term.end))
    return found


def _newest_acts(moment: dt.datetime) -> dict[uuid.UUID, PolicyState]:
    rows = (
        PolicyAct.objects.filter(done_at__lte=moment)
        .order_by("policy_id", "-done_at", "-pk")
        .distinct("policy_id")
    )
    return {row.policy_id: PolicyState(row.state) for row in rows}


def owns(user: User, owner: str) -> bool:
    """Say whether a person is the owner that a policy names."""
    return lifecycle.is_owner(owner, (user.username, user.email, user.display_name))
