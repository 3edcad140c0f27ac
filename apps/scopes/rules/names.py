"""Short names and names: one rule for all that policies refer to."""

from __future__ import annotations

import re

from apps.scopes.errors import NameMissingError, SlugInvalidError

_LONGEST_NAME = 120
_SLUG = re.compile(r"^[a-z][a-z0-9-]{0,62}$")


def check_slug(slug: str) -> None:
    """Raise SlugInvalidError unless a short name has the right shape."""
    if not _SLUG.match(slug):
        raise SlugInvalidError(f"“{slug}” is not a short name.", field="slug")


def check_names(slug: str, name: str) -> None:
    """Raise SlugInvalidError or NameMissingError."""
    check_slug(slug)
    if not 0 < len(name.strip()) <= _LONGEST_NAME:
        raise NameMissingError(field="name")
