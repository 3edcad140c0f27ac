"""Roles as specs, and the files that come along to start from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from apps.roles.rules import RoleSpec
from apps.roles.selectors.access import permission_of, roles

_STARTERS = Path(__file__).parent.parent / "starters"


@dataclass(frozen=True)
class Starter:
    """A file to start from; its first line says what it is for."""

    slug: str
    title: str
    text: str


def role_specs() -> dict[str, RoleSpec]:
    """Return all roles as somebody would ask for them, by short name."""
    return {
        role.slug: RoleSpec(
            slug=role.slug,
            name=role.name,
            tier=role.tier,
            description=role.description,
            permissions=tuple(permission_of(row) for row in role.permissions.all()),
            parents=tuple(parent.slug for parent in role.parents.all()),
        )
        for role in roles()
    }


def starters() -> list[Starter]:
    """Return the files to start from, by title."""
    found = []
    for path in _STARTERS.glob("*.yaml"):
        title, _, text = path.read_text(encoding="utf-8").partition("\n")
        found.append(Starter(path.stem, title.removeprefix("#").strip(), text))
    return sorted(found, key=lambda starter: starter.title)
