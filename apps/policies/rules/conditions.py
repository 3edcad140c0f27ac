"""Conditions, windows and locations of a policy as Cedar expressions.

What is unknown never helps: in a permit an unknown attribute means that the condition
does not hold, in a forbid that it does. Entity attributes are asked only of the types
that define them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from apps.policies.rules.catalogue import Catalogue
from apps.policies.rules.content import Condition, PolicyContent
from apps.policies.rules.problems import Problem, ProblemCode
from engine import cedar
from engine.calendar import window_condition
from engine.cedar import Attribute
from engine.errors import UnknownAttributeError, UnknownOperatorError, WrongTypeError
from engine.places import location_condition

_LARGEST = 2**53 - 1


@dataclass(frozen=True)
class Scope:
    """The types that a policy's principals and resources may have."""

    principals: tuple[str, ...]
    resources: tuple[str, ...]

    def attributes(self, catalogue: Catalogue) -> tuple[Attribute, ...]:
        """Return the attributes that conditions may name here."""
        types = {*self.principals, *self.resources}
        return tuple(found for found in catalogue.attributes if found.owner in types)


def scope_of(content: PolicyContent, catalogue: Catalogue) -> Scope:
    """Return the types that a policy is about."""
    types = {item.type for item in content.principals}
    if not types or cedar.ROLE_TYPE in types:
        types = set(cedar.PRINCIPAL_TYPES)
    kinds = {item.type for item in content.resources}
    if not kinds or cedar.GROUP_TYPE in kinds:
        kinds = set(catalogue.resource_types)
    return Scope(tuple(sorted(types)), tuple(sorted(kinds)))


def condition_texts(
    content: PolicyContent, catalogue: Catalogue
) -> list[str] | list[Problem]:
    """Return all that must hold besides the head, or everything that is wrong."""
    forbids = content.effect == "forbid"
    texts = []
    if content.windows:
        texts.append(windows_text(content.windows, catalogue))
    if content.locations:
        texts.append(
            locations_text(content.locations, catalogue, unknown_matches=forbids)
        )
    problems = []
    scope = scope_of(content, catalogue)
    for n, condition in enumerate(content.conditions):
        text = _condition(
            condition,
            f"conditions[{n}]",
            scope.attributes(catalogue),
            forbids=forbids,
        )
        if isinstance(text, Problem):
            problems.append(text)
        else:
            texts.append(text)
    return problems or texts


def windows_text(slugs: Iterable[str], catalogue: Catalogue) -> str:
    """Return the expression that one of some windows is open."""
    return _any_of(window_condition(catalogue.windows[slug]) for slug in slugs)


def locations_text(
    slugs: Iterable[str], catalogue: Catalogue, *, unknown_matches: bool
) -> str:
    """Return the expression that a request is from one of some locations."""
    return _any_of(
        location_condition(catalogue.locations[slug], unknown_matches=unknown_matches)
        for slug in slugs
    )


def _condition(
    condition: Condition,
    place: str,
    registry: tuple[Attribute, ...],
    *,
    forbids: bool,
) -> str | Problem:
    value = condition.value
    if isinstance(value, int) and abs(value) > _LARGEST:
        return _problem(ProblemCode.WRONG_VALUE, f"{place}.value", "the number is huge")
    try:
        text = cedar.condition_text(
            condition.attribute,
            condition.op,
            value,
            registry=registry,
            unknown_matches=forbids,
        )
    except UnknownAttributeError as error:
        return _problem(ProblemCode.UNKNOWN_ATTRIBUTE, f"{place}.attribute", str(error))
    except UnknownOperatorError as error:
        return _problem(ProblemCode.WRONG_OPERATOR, f"{place}.op", str(error))
    except WrongTypeError as error:
        return _problem(ProblemCode.WRONG_VALUE, f"{place}.value", str(error))
    owners = sorted(
        f"{found.variable} is {found.owner}"
        for found in registry
        if found.path == condition.attribute
    )
    if not owners or not forbids:
        return text
    return _any_of(f"({owner} && {text})" for owner in owners)


def _any_of(parts: Iterable[str]) -> str:
    found = list(parts)
    return found[0] if len(found) == 1 else f"({' || '.join(found)})"


_REMEDIES = {
    ProblemCode.UNKNOWN_ATTRIBUTE: "Use a known attribute, or define this one first.",
    ProblemCode.WRONG_OPERATOR: "Choose an operator that suits the attribute's type.",
    ProblemCode.WRONG_VALUE: "Write a value of the attribute's type.",
}


def _problem(code: ProblemCode, field: str, reason: str) -> Problem:
    message = f"{reason[:1].upper()}{reason[1:]}."
    return Problem(code, field, message, _REMEDIES[code])
