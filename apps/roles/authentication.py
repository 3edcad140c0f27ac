"""What rights on single objects let a person do, as Django asks for it."""

from __future__ import annotations

from typing import TypeVar

from django.contrib.auth.backends import BaseBackend
from django.contrib.auth.models import AnonymousUser
from django.db.models import Model, QuerySet
from typing_extensions import override

from apps.accounts.models import User
from apps.roles import selectors

M = TypeVar("M", bound=Model)


class ObjectBackend(BaseBackend):
    """Grant on an object what was delegated on it; without one, nothing.

    Asked for a permission without an object, it denies: whoever asks so means all of
    them. Lists ask `has_some`, and show what `narrowed` leaves.
    """

    @override
    def has_perm(
        self, user_obj: User | AnonymousUser, perm: str, obj: Model | None = None
    ) -> bool:
        """Say whether a live grant covers the object."""
        return (
            isinstance(user_obj, User)
            and obj is not None
            and selectors.holds(user_obj, perm, obj)
        )

    def has_module_perms(self, user_obj: User | AnonymousUser, app_label: str) -> bool:
        """Say whether anything in an app is delegated to a person."""
        return isinstance(user_obj, User) and selectors.holds_any(user_obj, app_label)

    def has_some(self, user_obj: User, perm: str) -> bool:
        """Say whether a permission is held on any single object."""
        return selectors.has_some(user_obj, perm)

    def object_scopes(self, user_obj: User) -> frozenset[str]:
        """Return what a token may carry for the objects that are delegated."""
        return selectors.object_scopes(user_obj)

    def narrowed(self, user_obj: User, perm: str, rows: QuerySet[M]) -> QuerySet[M]:
        """Return the rows that a permission is held on."""
        return selectors.visible(user_obj, perm, rows)
