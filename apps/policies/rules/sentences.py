"""A policy in one plain sentence."""

from __future__ import annotations

from collections.abc import Iterable

from apps.policies.rules.content import Condition, PolicyContent, ResourceItem

_NAMES = {
    "mfa": "the MFA level",
    "risk": "the risk",
    "country": "the country",
    "city": "the city",
    "method": "the method",
    "path": "the path",
    "ticket": "the ticket",
    "device.trusted": "the device",
}
_VERBS = {
    "==": "is",
    "!=": "is not",
    "<": "is below",
    "<=": "is at most",
    ">": "is above",
    ">=": "is at least",
    "in": "is one of",
    "starts_with": "starts with",
    "contains": "contains",
}


def sentence(content: PolicyContent) -> str:
    """Say what a policy does, the way one would tell a colleague."""
    who = _join(
        (
            f"members of {item.id}" if item.type == "Role" else item.id
            for item in content.principals
        ),
        "anybody",
    )
    verb = "may" if content.effect == "permit" else "may not"
    what = _join(content.actions, "do everything their role holds")
    if content.effect == "forbid" and not content.actions:
        what = "do anything"
    where = _join((_resource(item) for item in content.resources), "everything")
    parts = [f"{who[:1].upper()}{who[1:]} {verb} {what} on {where}"]
    if content.windows:
        parts.append(f"during {_join(content.windows, '')}")
    if content.locations:
        parts.append(f"from {_join(content.locations, '')}")
    if content.conditions:
        # What is unknown does not escape a forbid; a sentence that hid that would lie.
        doubt = " (or unknown)" if content.effect == "forbid" else ""
        texts = [_condition(condition) + doubt for condition in content.conditions]
        parts.append(f"if {' and '.join(texts)}")
    return " ".join(parts) + "."


def _condition(condition: Condition) -> str:
    name = _NAMES.get(condition.attribute, condition.attribute)
    if condition.attribute == "device.trusted":
        return f"{name} is {'' if condition.value else 'not '}trusted"
    verb = _VERBS.get(condition.op, condition.op)
    return f"{name} {verb} {_value(condition.value)}"


def _resource(item: ResourceItem) -> str:
    if item.type == "ResourceGroup":
        return f"group {item.id}"
    return f"{item.type} {item.id}" if item.id else f"every {item.type}"


def _value(value: object) -> str:
    if isinstance(value, list):
        return " or ".join(map(_value, value))
    if value == "":
        return "empty"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _join(texts: Iterable[str], nothing: str) -> str:
    found = list(texts)
    if len(found) > 1:
        return f"{', '.join(found[:-1])} and {found[-1]}"
    return found[0] if found else nothing
