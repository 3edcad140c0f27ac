"""Carry out the changes of a set through the services of their own apps.

The same code tries a set out and carries it out, so that what was tried is what will
be done. Places and times come first, then roles, then policies, then their states.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.utils.text import slugify

from apps.approvals import rules, selectors
from apps.approvals.choices import ItemKind
from apps.approvals.errors import ChangeInvalidError
from apps.approvals.services.states import apply_act, sentence_of_act
from apps.audit.events import Actor
from apps.core.errors import PortwardError
from apps.policies import selectors as policy_questions
from apps.policies import services as policies
from apps.policies.rules import Catalogue
from apps.policies.services import Approval
from apps.roles import services as roles
from apps.roles.rules import RoleSpec
from apps.scopes import services as scopes
from apps.scopes.rules import CalendarSpec, LocationSpec, WindowSpec

ORDER = tuple(ItemKind)


@dataclass(frozen=True)
class Wanted:
    """A change that somebody asks for: of a set, or of a request."""

    kind: ItemKind
    slug: str
    content: Mapping[str, Any]
    author: Actor

    @property
    def place(self) -> str:
        """Return by what people name the change."""
        return f"{self.kind}:{self.slug}"


@dataclass(frozen=True)
class Applied:
    """What became of one change, in normal form."""

    kind: ItemKind
    slug: str
    name: str
    content: dict[str, Any]
    digest: str
    ground: selectors.Ground
    sentence: str = ""
    cedar: str = ""
    policy_id: uuid.UUID | None = None
    draft_id: uuid.UUID | None = None
    # What the tests beside a policy say against proposing it.
    problems: tuple[str, ...] = ()
    has_failed_tests: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return what the pages show of it."""
        return {
            "kind": str(self.kind),
            "slug": self.slug,
            "name": self.name,
            "digest": self.digest,
            "sentence": self.sentence,
            "cedar": self.cedar,
            "problems": list(self.problems),
        }


@dataclass
class _Terms:
    """What all changes of a set are carried out under."""

    request_id: uuid.UUID
    approval: Approval
    is_rehearsal: bool

    @cached_property
    def catalogue(self) -> Catalogue:
        """Return what policies may name, once everything else is written."""
        return policy_questions.catalogue()


def apply_changes(
    *,
    actor: Actor,
    wanted: Sequence[Wanted],
    request_id: uuid.UUID,
    approval: Approval | None = None,
    is_rehearsal: bool = False,
) -> list[Applied]:
    """Write all changes, in an order in which each finds what it names.

    `approval` says who approved policies, and from when on they count. In a rehearsal
    the tests of policies may fail; what they say is returned.

    Raises what the services of the other apps raise, with the change it is about.
    """
    terms = _Terms(request_id, approval or Approval(), is_rehearsal)
    found = []
    for one in in_order(wanted):
        try:
            found.append(_apply(actor, one, terms))
        except PortwardError as error:
            error.add_note(one.place)
            raise
    return found


def in_order(wanted: Sequence[Wanted]) -> list[Wanted]:
    """Return changes by kind, and roles after those that they inherit from."""
    ordered = sorted(wanted, key=lambda one: (ORDER.index(one.kind), one.slug))
    waiting = {one.slug: one for one in ordered if one.kind is ItemKind.ROLE}
    roles_: list[Wanted] = []
    while waiting:
        ready = [
            slug
            for slug, one in waiting.items()
            if not waiting.keys() & set(_parents(one)) - {slug}
        ] or list(waiting)
        roles_ += [waiting.pop(slug) for slug in ready]
    rest = [one for one in ordered if one.kind is not ItemKind.ROLE]
    cut = sum(ORDER.index(one.kind) < ORDER.index(ItemKind.ROLE) for one in rest)
    return [*rest[:cut], *roles_, *rest[cut:]]


def slug_of(kind: ItemKind, content: Mapping[str, Any], slug: str) -> str:
    """Return the short name that a change is about."""
    named = slug or content.get("slug") or ""
    if not named and kind is ItemKind.POLICY:
        named = slugify(str(content.get("name", "")))[:63].rstrip("-")
    if not isinstance(named, str) or not named:
        raise ChangeInvalidError("Say which one to change.", field="slug")
    return named


def _apply(actor: Actor, one: Wanted, terms: _Terms) -> Applied:
    ground = selectors.ground_of(one.kind, one.slug)
    match one.kind:
        case ItemKind.POLICY:
            return _policy(actor, one, ground, terms)
        case ItemKind.POLICY_STATE:
            return _state(actor, one, ground, terms)
        case _:
            return _plain(actor, one, ground)


def _plain(actor: Actor, one: Wanted, ground: selectors.Ground) -> Applied:
    spec = rules.parse_spec_of(one.kind, one.content)
    _require_same_slug(one, spec.slug)
    match spec:
        case CalendarSpec():
            scopes.save_calendar(actor=actor, spec=spec, calendar_id=ground.id)
        case WindowSpec():
            scopes.save_window(actor=actor, spec=spec, window_id=ground.id)
        case LocationSpec():
            scopes.save_location(actor=actor, spec=spec, location_id=ground.id)
        case RoleSpec():
            roles.save_role(actor=actor, spec=spec, role_id=ground.id)
    after = selectors.ground_of(one.kind, one.slug)
    if after.digest == ground.digest:
        raise ChangeInvalidError(f"“{one.slug}” says that already.", field="content")
    content = after.content or {}
    return Applied(
        kind=one.kind,
        slug=one.slug,
        name=content["name"],
        content=content,
        digest=rules.item_digest(one.kind, one.slug, content, ground.digest),
        ground=ground,
        sentence=selectors.sentence_of_plain(one.kind, content),
    )


def _policy(
    actor: Actor,
    one: Wanted,
    ground: selectors.Ground,
    terms: _Terms,
) -> Applied:
    draft = policies.save_draft(
        actor=actor,
        policy_id=ground.id,
        content=one.content,
        expected_lock=ground.lock,
        slug=one.slug,
        catalogue=terms.catalogue,
        author=one.author,
    )
    report = policy_questions.run_tests(draft, catalogue=terms.catalogue)
    version = policies.freeze_version(
        actor=actor,
        draft_id=draft.pk,
        expected_digest=draft.digest,
        request_id=terms.request_id,
        approval=terms.approval,
        catalogue=terms.catalogue,
        is_rehearsal=terms.is_rehearsal,
    )
    return Applied(
        kind=one.kind,
        slug=one.slug,
        name=version.content["name"],
        content=version.content,
        digest=version.digest,
        ground=ground,
        sentence=selectors.sentence_of(version.content),
        cedar=version.cedar,
        policy_id=ground.id,
        draft_id=ground.draft_id,
        problems=tuple(problem.message for problem in report.problems),
        has_failed_tests=bool(report.failed),
    )


def _state(
    actor: Actor, one: Wanted, ground: selectors.Ground, terms: _Terms
) -> Applied:
    content = apply_act(
        actor=actor,
        policy_id=ground.id,
        slug=one.slug,
        content=one.content,
        request_id=terms.request_id,
    )
    return Applied(
        kind=one.kind,
        slug=one.slug,
        name=(ground.content or {}).get("name", one.slug),
        content=content,
        digest=rules.item_digest(one.kind, one.slug, content, ground.digest),
        ground=ground,
        sentence=sentence_of_act(content, one.slug),
    )


def _require_same_slug(one: Wanted, slug: str) -> None:
    if slug != one.slug:
        raise ChangeInvalidError(
            f"The change is about “{one.slug}”, its content about “{slug}”.",
            field="slug",
        )


def _parents(one: Wanted) -> Iterable[str]:
    named = one.content.get("parents")
    return [p for p in named if isinstance(p, str)] if isinstance(named, list) else []
