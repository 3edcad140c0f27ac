"""What lint finds in the policies of the open tenant."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils import timezone

from apps.audit.selectors import WhileUnchanged
from apps.policies import rules
from apps.policies.choices import PolicyState
from apps.policies.models import Policy, PolicyDraft
from apps.policies.rules import Catalogue, PolicyContent
from apps.policies.rules.lint import (
    Finding,
    Neighbor,
    Neighborhood,
    Severity,
    lint_content,
    lint_together,
)
from apps.policies.rules.lint.findings import worst_first
from apps.policies.selectors.catalogue import catalogue, catalogue_of
from apps.policies.selectors.lint_sources import (
    Written,
    found_above,
    found_besides,
)
from apps.policies.selectors.policies import drafts
from apps.policies.selectors.testing import invalid, parsed, stored_statements
from apps.roles import selectors as roles
from apps.roles.models import Resource, Role
from apps.roles.rules import ancestry
from apps.signin.events import COMING_AND_GOING
from engine.calendar import Transitions
from engine.cedar import GROUP_TYPE
from protocol.records import Statement, WindowRecord
from protocol.zones import zone_transitions

# A page that shows one draft compares it with so many at most, by short name; the page
# of all findings and the command line compare it with all.
_MOST_NEIGHBORS = 500
_kept_findings: WhileUnchanged[Sequence[Finding]] = WhileUnchanged(
    seconds=60, beside=COMING_AND_GOING
)


def lint_draft(
    source: PolicyDraft | PolicyContent | Mapping[str, Any],
    slug: str = "policy",
    *,
    now: dt.datetime | None = None,
) -> list[Finding]:
    """Return what is wrong with a policy, alone and among those that it may touch.

    Raises PolicyInvalidError for a content that does not compile.
    """
    moment = now or timezone.now()
    if isinstance(source, PolicyDraft):
        slug, content = source.policy.slug, parsed(source.content)
        statements = stored_statements(source.statements)
    else:
        value = source.to_dict() if isinstance(source, PolicyContent) else source
        content = parsed(value)
        statements = _compiled(content, slug)
    own = Neighbor(slug, content, statements)
    found = alone(own, catalogue_of(content), moment)
    found += lint_together(own, _around(content))
    found += found_above([_written(own, _draft_of(source, slug))])
    return worst_first([_linked(one) for one in found])


def lint_tenant() -> Sequence[Finding]:
    """Return what is wrong with all drafts of the tenant, the worst first.

    Policies are compared with each other, so this takes long in a large tenant; it is
    done again once something has been recorded, and every minute.
    """
    return _kept_findings.get("tenant", lambda: _lint_all(timezone.now()))


def _lint_all(moment: dt.datetime) -> Sequence[Finding]:
    known = catalogue()
    kept = list(_kept())
    rows = _neighbors(kept)
    around = _neighborhood(rows, known.ancestors)
    zones = _zones(known.windows.values(), moment)
    found = []
    for row in rows:
        found += lint_content(row.slug, row.content, known, now=moment, zones=zones)
        found += lint_together(row, around)
    written = zip(rows, kept, strict=True)
    found += found_above([_written(row, draft) for row, draft in written])
    found += found_besides()
    links = {slug: _url(pk) for slug, pk in Policy.objects.values_list("slug", "pk")}
    return tuple(worst_first([_linked(one, links) for one in found]))


def alone(policy: Neighbor, known: Catalogue, now: dt.datetime) -> list[Finding]:
    """Return what is wrong with a policy by itself."""
    windows = [known.windows[name] for name in policy.content.windows]
    zones = _zones(windows, now)
    return lint_content(policy.slug, policy.content, known, now=now, zones=zones)


def errors_of(
    slug: str, content: PolicyContent, known: Catalogue, now: dt.datetime
) -> list[Finding]:
    """Return the findings for which a policy is not saved."""
    found = alone(Neighbor(slug, content, ()), known, now)
    return [one for one in found if one.severity is Severity.ERROR]


def _draft_of(source: object, slug: str) -> PolicyDraft | None:
    """Return the draft that a content stands in, if it is kept."""
    if isinstance(source, PolicyDraft):
        return source
    return drafts().filter(policy__slug=slug).first()


def _written(policy: Neighbor, draft: PolicyDraft | None) -> Written:
    if draft is None:
        return Written(policy.slug, policy.content)
    return Written(policy.slug, policy.content, draft.author_id, draft.last_editor_id)


def _compiled(content: PolicyContent, slug: str) -> tuple[Statement, ...]:
    found = rules.compile_policy(content, catalogue_of(content), policy_id=slug)
    if isinstance(found, list):
        raise invalid(found)
    return found.statements


def _zones(windows: Iterable[WindowRecord], now: dt.datetime) -> dict[str, Transitions]:
    names = {window.zone for window in windows}
    return {name: zone_transitions(name, int(now.timestamp())) for name in names}


def _kept() -> QuerySet[PolicyDraft]:
    """Return the drafts of policies that are or may come into force."""
    gone = [PolicyState.RETIRED, PolicyState.SUSPENDED]
    return drafts().exclude(policy__state__in=gone)


def _around(content: PolicyContent) -> Neighborhood:
    """Return the policies that may cover one or take something from it."""
    named = rules.names_in(content)
    graph = roles.role_graph_above(named.roles)
    ancestors = {slug: tuple(ancestry(graph, slug)) for slug in graph}
    wanted = {
        *named.roles,
        *(up for slug in named.roles for up in ancestors.get(slug, ())),
    }
    about = Q(content__principals=[])
    for slug in wanted:
        about |= Q(content__principals__contains=[{"type": "Role", "id": slug}])
    for ref in named.principals:
        about |= Q(content__principals__contains=[ref.to_dict()])
    rows = _neighbors(_kept().filter(about)[:_MOST_NEIGHBORS])
    return _neighborhood(rows, ancestors)


def _neighbors(rows: Iterable[PolicyDraft]) -> tuple[Neighbor, ...]:
    return tuple(
        Neighbor(
            row.policy.slug, parsed(row.content), stored_statements(row.statements)
        )
        for row in rows
    )


def _neighborhood(
    policies: tuple[Neighbor, ...], ancestors: Mapping[str, tuple[str, ...]]
) -> Neighborhood:
    groups = Resource.objects.filter(type=GROUP_TYPE, members__isnull=False)
    return Neighborhood(
        policies=policies,
        ancestors=ancestors,
        held=_held(timezone.now()),
        groups=frozenset(groups.values_list("key", flat=True)),
    )


def _held(now: dt.datetime) -> frozenset[str]:
    """Return the roles that somebody holds or may ask for, with what those inherit."""
    graph = roles.role_graph()
    holders = roles.live_assignments(now).values_list("role__slug", flat=True)
    offered = Role.objects.filter(eligibilities__is_active=True)
    direct = {*holders, *offered.values_list("slug", flat=True)}
    return frozenset(above for slug in direct for above in ancestry(graph, slug))


def _linked(finding: Finding, known: Mapping[str, str] | None = None) -> Finding:
    links = known
    if links is None:
        rows = Policy.objects.filter(slug=finding.policy)
        links = {slug: _url(pk) for slug, pk in rows.values_list("slug", "pk")}
    if finding.policy not in links:
        return finding
    anchor = finding.field.partition("[")[0]
    return replace(finding, link=f"{links[finding.policy]}#id_{anchor}")


def _url(policy_id: uuid.UUID) -> str:
    return reverse("admin:policies_policy_change", args=[policy_id])
