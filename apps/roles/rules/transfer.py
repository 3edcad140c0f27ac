"""Roles as a file: to move them, to keep them in a repository, to start from one.

A file names roles and, in `catalogue`, the actions that they need. JSON is read as the
YAML that it is. What is not known is refused with its path; nothing is guessed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from apps.core.rules import StrictLoader
from apps.roles.errors import RoleFileInvalidError
from apps.roles.rules.roles import TIER_RANK
from apps.roles.rules.specs import RoleSpec
from protocol.records import Permission

LARGEST = 256 * 1024
MOST_ROLES = 500
FORMATS = ("yaml", "json")
_FIELDS = ("slug", "name", "tier", "description", "permissions", "parents")


@dataclass(frozen=True)
class RoleFile:
    """What a file asks for: entries of the catalogue with their tier, and roles."""

    catalogue: Mapping[Permission, str]
    roles: tuple[RoleSpec, ...]


@dataclass(frozen=True)
class RoleChange:
    """What an import does to one role; `fields` holds (name, before, after)."""

    slug: str
    kind: str
    fields: tuple[tuple[str, str, str], ...] = ()


def read_roles(text: str) -> RoleFile:
    """Read a file strictly. Raises RoleFileInvalidError, which names the path."""
    if len(text.encode()) > LARGEST:
        raise RoleFileInvalidError("The file is too large.", field="file")
    try:
        content = yaml.load(text, Loader=StrictLoader)  # noqa: S506  # a SafeLoader
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise RoleFileInvalidError(f"Malformed: {error}.", field="file") from error
    fields = _mapping(content, "file", ("version", "catalogue", "roles"))
    if fields.get("version") != 1:
        raise RoleFileInvalidError("The version is 1.", field="version")
    roles = fields.get("roles")
    if not isinstance(roles, list) or not 0 < len(roles) <= MOST_ROLES:
        raise RoleFileInvalidError(f"A list of 1 to {MOST_ROLES} roles.", field="roles")
    specs = [_role(value, f"roles[{n}]") for n, value in enumerate(roles)]
    return RoleFile(_catalogue(fields.get("catalogue") or {}), _in_order(specs))


def write_roles(
    roles: Iterable[RoleSpec], tiers: Mapping[Permission, str], kind: str
) -> str:
    """Return roles and what they need of the catalogue as a file."""
    specs = sorted(roles, key=lambda spec: spec.slug)
    needed = {permission for spec in specs for permission in spec.permissions}
    content = {
        "version": 1,
        "catalogue": _by_type((p, {p.action: tiers[p]}) for p in needed),
        "roles": [_written(spec) for spec in specs],
    }
    if kind == "json":
        return json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True)


def changes(file: RoleFile, known: Mapping[str, RoleSpec]) -> tuple[RoleChange, ...]:
    """Return what an import would do, in the order in which it does it."""
    return tuple(_change(spec, known.get(spec.slug)) for spec in file.roles)


def _change(spec: RoleSpec, before: RoleSpec | None) -> RoleChange:
    after = _shown(spec)
    if before is None:
        return RoleChange(
            spec.slug, "new", tuple((name, "", text) for name, text in after.items())
        )
    old = _shown(before)
    fields = tuple(
        (name, old[name], text) for name, text in after.items() if old[name] != text
    )
    return RoleChange(spec.slug, "changed" if fields else "same", fields)


def _shown(spec: RoleSpec) -> dict[str, str]:
    held = sorted(f"{p.resource_type}: {p.action}" for p in spec.permissions)
    return {
        "name": spec.name.strip(),
        "tier": spec.tier,
        "description": spec.description,
        "permissions": ", ".join(held),
        "parents": ", ".join(sorted(spec.parents)),
    }


def _written(spec: RoleSpec) -> dict[str, Any]:
    held: dict[str, list[str]] = {}
    for permission in sorted(spec.permissions, key=_order):
        held.setdefault(permission.resource_type, []).append(permission.action)
    written: dict[str, Any] = {
        "slug": spec.slug,
        "name": spec.name,
        "tier": spec.tier,
        "description": spec.description,
        "permissions": held,
        "parents": sorted(spec.parents),
    }
    return {name: value for name, value in written.items() if value}


def _by_type(
    entries: Iterable[tuple[Permission, Mapping[str, str]]],
) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for permission, entry in sorted(entries, key=lambda pair: _order(pair[0])):
        found.setdefault(permission.resource_type, {}).update(entry)
    return found


def _order(permission: Permission) -> tuple[str, str]:
    return (permission.resource_type, permission.action)


def _catalogue(value: object) -> dict[Permission, str]:
    found: dict[Permission, str] = {}
    for kind, actions in _mapping(value, "catalogue").items():
        for action, tier in _mapping(actions, f"catalogue.{kind}").items():
            if tier not in TIER_RANK:
                raise RoleFileInvalidError(
                    f"“{tier}” is no tier.",
                    field=f"catalogue.{kind}.{action}",
                    remedy=f"Use one of {', '.join(TIER_RANK)}.",
                )
            found[Permission(action, kind)] = tier
    return found


def _role(value: object, path: str) -> RoleSpec:
    fields = _mapping(value, path, _FIELDS)
    held = _mapping(fields.get("permissions") or {}, f"{path}.permissions")
    return RoleSpec(
        slug=_text(fields, "slug", path),
        name=_text(fields, "name", path),
        tier=_text(fields, "tier", path),
        description=_text(fields, "description", path, default=""),
        permissions=tuple(
            Permission(action, kind)
            for kind, actions in held.items()
            for action in _texts(actions, f"{path}.permissions.{kind}")
        ),
        parents=tuple(_texts(fields.get("parents") or [], f"{path}.parents")),
    )


def _in_order(specs: Sequence[RoleSpec]) -> tuple[RoleSpec, ...]:
    """Return parents before their children; a circle is left for the graph's rule."""
    by_slug = {spec.slug: spec for spec in specs}
    if len(by_slug) != len(specs):
        raise RoleFileInvalidError("A short name occurs twice.", field="roles")
    placed: dict[str, RoleSpec] = {}
    waiting = dict(sorted(by_slug.items()))
    while waiting:
        ready = [
            slug
            for slug, spec in waiting.items()
            if not any(parent in waiting for parent in spec.parents)
        ]
        if not ready:
            circle = ", ".join(waiting)
            raise RoleFileInvalidError(
                f"These inherit from each other in a circle: {circle}.", field="roles"
            )
        placed |= {slug: waiting.pop(slug) for slug in ready}
    return tuple(placed.values())


def _mapping(
    value: object, path: str, known: Sequence[str] | None = None
) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise RoleFileInvalidError(f"“{path}” is not a mapping.", field=path)
    for name in value:
        if known is not None and name not in known:
            raise RoleFileInvalidError(
                f"There is no field “{name}” here.",
                field=f"{path}.{name}",
                remedy=f"Use one of {', '.join(known)}.",
            )
    return value


def _text(
    fields: Mapping[str, Any], name: str, path: str, default: str | None = None
) -> str:
    value = fields.get(name, default)
    if not isinstance(value, str):
        raise RoleFileInvalidError("A text is needed.", field=f"{path}.{name}")
    return value


def _texts(value: object, path: str) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
        raise RoleFileInvalidError("A list of texts is needed.", field=path)
    return value
