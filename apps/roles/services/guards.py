"""Keep people from raising themselves by way of what they may change.

A right on objects, or membership of a group that has one, must not turn into more of
it. Who is asked here acts in person; whom a role lets change everything is held to the
first of the rules only.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from django.utils import timezone

from apps.audit.events import Actor
from apps.roles import rules, selectors
from apps.roles.errors import RaisesSelfError
from apps.roles.models import Principal, PrincipalGroup, Resource
from apps.roles.rules import RoleNode
from apps.roles.services.grants import person_of


def refuse_joining(
    actor: Actor, group: PrincipalGroup, joining: Iterable[Principal]
) -> None:
    """Refuse a member who would gain what the group holds. Raises RaisesSelfError.

    Nobody puts themselves into a group with rights on objects, and who acts by such a
    right puts neither themselves into any group, nor anybody into one that has some.
    """
    people = {str(one.user_id) for one in joining if one.user_id}
    if actor.kind != "user" or not people:
        return
    carries = selectors.carries_grants(group.pk, timezone.now())
    if actor.id in people and (carries or _acts_by_grant(actor)):
        raise RaisesSelfError("You cannot join this group yourself.", field="members")
    if carries and _acts_by_grant(actor):
        raise RaisesSelfError(
            "This group has delegated rights; a new member would gain them.",
            field="members",
        )


def refuse_linking(actor: Actor, row: Principal, user_id: uuid.UUID | None) -> None:
    """Refuse to become a principal whose groups have rights on objects.

    Raises RaisesSelfError.
    """
    if actor.kind != "user" or str(user_id) != actor.id:
        return
    now = timezone.now()
    if any(selectors.carries_grants(one.pk, now) for one in row.principal_groups.all()):
        raise RaisesSelfError(
            "This principal is in a group with delegated rights.", field="user"
        )


def refuse_growth(
    actor: Actor, before: Mapping[str, RoleNode], after: Mapping[str, RoleNode]
) -> None:
    """Refuse that a role which the actor holds carries more. Raises RaisesSelfError."""
    if not _acts_by_grant(actor):
        return
    me = selectors.principal_of_user(uuid.UUID(actor.id))
    if me is None:
        return
    held = {row.role.slug for row in selectors.held_by(me, timezone.now())}
    grown = rules.grown_roles(held, _reach(before), _reach(after))
    if grown:
        raise RaisesSelfError(
            f"You hold “{grown[0]}” yourself, and it would carry more.",
            field="permissions",
        )


def refuse_moving(
    actor: Actor, before: Iterable[Resource], after: Iterable[Resource]
) -> None:
    """Refuse to move a resource into or out of a group that one may not change.

    Roles count in whole groups, so that would widen or narrow them. Raises
    RaisesSelfError.
    """
    if not _acts_by_grant(actor):
        return
    user = person_of(actor)
    assert user is not None  # noqa: S101  # who acts by a grant is a person
    for group in set(before) ^ set(after):
        if not selectors.holds(user, "roles.change_resource", group):
            raise RaisesSelfError(
                f"You may not change the group “{group}”.", field="groups"
            )


def refuse_owning(actor: Actor, joining: Iterable[Principal]) -> None:
    """Refuse to become an owner by a right on the object: owners are asked to approve.

    Raises RaisesSelfError.
    """
    if actor.id in {str(one.user_id) for one in joining} and _acts_by_grant(actor):
        raise RaisesSelfError("You cannot make yourself an owner.", field="owners")


def _acts_by_grant(actor: Actor) -> bool:
    user = person_of(actor)
    return user is not None and not selectors.acts_on_all(user, "change")


def _reach(graph: Mapping[str, RoleNode]) -> dict[str, frozenset[Any]]:
    return {slug: frozenset(rules.effective_permissions(graph, slug)) for slug in graph}
