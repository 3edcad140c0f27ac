"""Questions about policies of the tenant whose scope is open."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Collection

from django.db.models import F, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce
from django.urls import reverse

from apps.policies.choices import PolicyState
from apps.policies.errors import (
    DraftNotFoundError,
    PolicyNotFoundError,
    VersionNotFoundError,
)
from apps.policies.models import Policy, PolicyDraft, PolicyVersion
from apps.policies.rules import Span, parse_content, sentence_spans
from apps.policies.rules.terms import instant_text
from apps.policies.selectors.catalogue import catalogue, words_of
from apps.policies.selectors.timelines import (
    Shipped,
    asks_for_decision,
    shipped_versions,
)
from apps.scopes.selectors.usage import Kind, Use
from protocol.records import (
    PolicyRecord,
    Record,
    SchemaRecord,
    Statement,
    case_id,
    parse_obligation,
    parse_record,
)


def policies() -> QuerySet[Policy]:
    """Return all policies with their draft and the number of their newest version."""
    newest = PolicyVersion.objects.filter(policy=OuterRef("pk")).order_by("-number")
    return (
        Policy.objects.select_related("draft")
        .annotate(
            newest_number=Subquery(newest.values("number")[:1]),
            newest_digest=Subquery(newest.values("digest")[:1]),
        )
        .order_by("slug")
    )


def policy_by_id(policy_id: uuid.UUID) -> Policy:
    """Return a policy or raise PolicyNotFoundError."""
    try:
        return policies().get(pk=policy_id)
    except Policy.DoesNotExist as error:
        raise PolicyNotFoundError from error


def policy_by_slug(slug: str) -> Policy | None:
    """Return the policy with this short name, if there is one."""
    return policies().filter(slug=slug).first()


def drafts() -> QuerySet[PolicyDraft]:
    """Return all drafts with their policy."""
    return PolicyDraft.objects.select_related("policy").order_by("policy__slug")


def draft_by_id(draft_id: uuid.UUID) -> PolicyDraft:
    """Return a draft or raise DraftNotFoundError."""
    try:
        return drafts().get(pk=draft_id)
    except PolicyDraft.DoesNotExist as error:
        raise DraftNotFoundError from error


def drafts_by_ids(draft_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, PolicyDraft]:
    """Return the drafts that exist among these, by id."""
    return {draft.pk: draft for draft in drafts().filter(pk__in=draft_ids)}


def open_drafts() -> QuerySet[PolicyDraft]:
    """Return the drafts that say something else than the newest version."""
    newest = PolicyVersion.objects.filter(policy=OuterRef("policy_id"))
    same = newest.order_by("-number").values("digest")[:1]
    return (
        drafts()
        .annotate(newest_digest=Coalesce(Subquery(same), Value("")))
        .exclude(digest=F("newest_digest"))
    )


def versions() -> QuerySet[PolicyVersion]:
    """Return all versions with their policy, newest first."""
    return PolicyVersion.objects.select_related("policy").order_by(
        "policy__slug", "-number"
    )


def version_by_id(version_id: uuid.UUID) -> PolicyVersion:
    """Return a version or raise VersionNotFoundError."""
    try:
        return versions().get(pk=version_id)
    except PolicyVersion.DoesNotExist as error:
        raise VersionNotFoundError from error


def newest_version(policy_id: uuid.UUID) -> PolicyVersion | None:
    """Return the newest version of a policy, if it has one."""
    return versions().filter(policy_id=policy_id).first()


def live_version(policy_id: uuid.UUID) -> PolicyVersion | None:
    """Return the newest version of a policy, if it is live."""
    return live_versions().filter(policy_id=policy_id).first()


def live_versions() -> QuerySet[PolicyVersion]:
    """Return the newest version of every live policy, if it counts yet or not."""
    return (
        PolicyVersion.objects.select_related("policy")
        .filter(policy__state=PolicyState.LIVE)
        .order_by("policy__slug", "-number")
        .distinct("policy__slug")
    )


def live_records(now: dt.datetime | None = None) -> list[Record]:
    """Return the records that releases carry for this app, the schema among them.

    A version that is to come stands beside the one that it follows.
    """
    found: list[Record] = []
    for one in shipped_versions(now):
        policy = policy_record(one.version, one)
        found += [policy, *case_records(one.version, policy.id)]
    return [*found, SchemaRecord("schema", cedar_json=catalogue().schema)]


def case_records(version: PolicyVersion, policy_id: str) -> list[Record]:
    """Return the tests of a version as records; two may be shipped side by side."""
    return [
        parse_record(
            {**case, "id": case_id(policy_id, case["name"]), "policy": policy_id}
        )
        for case in version.cases
    ]


def uses_of_scope(kind: Kind, slug: str) -> list[Use]:
    """Return the policies whose draft or live version names a window or location.

    A policy that is retired for good uses nothing.
    """
    field = {Kind.WINDOW: "windows", Kind.LOCATION: "locations"}.get(kind)
    if field is None:
        return []
    named = {f"content__{field}__contains": slug}
    live = {
        one.version.policy_id: one.version.number
        for one in shipped_versions()
        if slug in one.version.content[field]
    }
    found = []
    rows = drafts().exclude(policy__state=PolicyState.RETIRED)
    for draft in rows.filter(Q(**named) | Q(policy_id__in=live)):
        ways = []
        if slug in draft.content[field]:
            ways.append("draft")
        if draft.policy_id in live:
            ways.append(f"live version {live[draft.policy_id]}")
        url = reverse("admin:policies_policy_change", args=[draft.policy_id])
        found.append(Use(f"Policy “{draft.policy.name}”", " and ".join(ways), url))
    return found


def policy_record(
    version: PolicyVersion, shipped: Shipped | None = None
) -> PolicyRecord:
    """Return a version as a record; by itself, as if no other followed it."""
    start, end = version.effective_from, None
    if shipped is not None:
        start, end = shipped.span.interval.start, shipped.span.interval.end
    elif not asks_for_decision(version):
        end = version.effective_until
    return PolicyRecord(
        shipped.record_id if shipped else version.policy.slug,
        name=version.content["name"],
        version=version.number,
        effect=version.content["effect"],
        tier=version.content["tier"],
        statements=tuple(
            Statement.from_dict(statement, f"statements[{n}]")
            for n, statement in enumerate(version.statements)
        ),
        change=str(version.request_id),
        windows=tuple(version.content["windows"]),
        locations=tuple(version.content["locations"]),
        effective_from=instant_text(start) or None,
        effective_until=instant_text(end) or None,
        obligations=tuple(
            parse_obligation(one, f"obligations[{n}]")
            for n, one in enumerate(version.content.get("obligations", ()))
        ),
    )


def sentence_of(content: object) -> str:
    """Say in one plain sentence what a stored content does, with the names of things.

    It asks the database for them; a list of policies is better told without.
    """
    return "".join(span.text for span in spans_of(content))


def spans_of(content: object) -> tuple[Span, ...]:
    """Return the sentence of a stored content in parts."""
    parsed = parse_content(content)
    return () if isinstance(parsed, list) else sentence_spans(parsed, words_of(parsed))
