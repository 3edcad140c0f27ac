"""A tenant's schema: entity types, attributes, actions and what a context holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from engine.cedar import (
    CONTEXT_ATTRIBUTES,
    GROUP_TYPE,
    PRINCIPAL_TYPES,
    ROLE_TYPE,
    Attribute,
    AttributeType,
)

_SHAPES: Mapping[AttributeType, dict[str, Any]] = {
    AttributeType.STRING: {"type": "String"},
    AttributeType.LONG: {"type": "Long"},
    AttributeType.BOOL: {"type": "Boolean"},
    AttributeType.STRINGS: {"type": "Set", "element": {"type": "String"}},
}


def base_schema(
    *,
    actions: Mapping[str, Sequence[str]],
    resource_types: Iterable[str],
    zones: Iterable[str] = (),
    attributes: Iterable[Attribute] = (),
) -> dict[str, Any]:
    """Return a tenant's schema in Cedar's JSON form.

    `actions` maps an action to the resource types it applies to.
    """
    owned: dict[str, dict[str, Any]] = {}
    for attribute in attributes:
        shape = {**_SHAPES[attribute.type], "required": False}
        owned.setdefault(attribute.owner, {})[attribute.name] = shape
    types: dict[str, Any] = {
        ROLE_TYPE: {"memberOfTypes": [ROLE_TYPE]},
        GROUP_TYPE: _entity_type([GROUP_TYPE], owned.get(GROUP_TYPE, {})),
    }
    for name in PRINCIPAL_TYPES:
        types[name] = _entity_type([ROLE_TYPE], owned.get(name, {}))
    for name in sorted(set(resource_types) - {GROUP_TYPE}):
        types[name] = _entity_type([GROUP_TYPE], owned.get(name, {}))
    context = _context_shape(sorted(set(zones)))
    return {
        "": {
            "entityTypes": types,
            "actions": {
                action: {
                    "appliesTo": {
                        "principalTypes": list(PRINCIPAL_TYPES),
                        "resourceTypes": sorted(applies),
                        "context": context,
                    }
                }
                for action, applies in sorted(actions.items())
            },
        }
    }


def _entity_type(parents: list[str], attributes: dict[str, Any]) -> dict[str, Any]:
    shape = {"type": "Record", "attributes": attributes}
    return {"memberOfTypes": parents, "shape": shape}


def _context_shape(zones: Sequence[str]) -> dict[str, Any]:
    clock = {name: {"type": "Long"} for name in ("wd", "min", "ymd", "prev")}
    local = {"type": "Record", "attributes": clock}
    attributes: dict[str, Any] = {
        "now": {"type": "Extension", "name": "datetime"},
        "t": {"type": "Record", "attributes": dict.fromkeys(zones, local)},
        "ip": {"type": "Extension", "name": "ipaddr", "required": False},
        "device": {
            "type": "Record",
            "attributes": {"trusted": {"type": "Boolean"}},
            "required": False,
        },
        "geo": {
            "type": "Record",
            "attributes": {
                name: {"type": "Long"} for name in ("lat", "lon", "x", "y", "z")
            },
            "required": False,
        },
        "node_groups": {**_SHAPES[AttributeType.STRINGS], "required": False},
    }
    for name, kind in CONTEXT_ATTRIBUTES.items():
        if "." not in name:
            attributes[name] = {**_SHAPES[kind], "required": False}
    return {"type": "Record", "attributes": attributes}
