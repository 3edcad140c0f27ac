"""The Cedar of an expert: read, bounded by what roles hold, and checked by Cedar.

A permit names whom it is for, which actions and which type of resource in its head, so
that it can be held against the ceilings of roles: a condition can only narrow that.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from apps.policies.rules.catalogue import Catalogue
from apps.policies.rules.content import PolicyContent
from apps.policies.rules.problems import Problem, ProblemCode
from engine import cedar
from engine.cedar import GROUP_TYPE, PRINCIPAL_TYPES, ROLE_TYPE, Written
from engine.errors import CedarSyntaxError
from engine.literals import string_literal
from engine.sources import Place, Source
from protocol.records import EntityRef, Permission, Statement

_TIERS = ("read_only", "operator", "admin")
_LEFT_OUT = (
    *("principals", "actions", "resources", "windows", "locations", "conditions"),
)


@dataclass(frozen=True)
class _Read:
    """A statement, where it stands and what it says."""

    source: Source
    written: Written


def compile_expert(
    content: PolicyContent, catalogue: Catalogue, policy_id: str
) -> list[Statement] | list[Problem]:
    """Return the statements of an expert's text, or everything that is wrong with it.

    Whether Cedar's validator accepts them is asked with `check_expert`.
    """
    problems = list(_mixed(content))
    found = _read(content)
    problems += [one for one in found if isinstance(one, Problem)]
    if problems:
        return problems
    read = [one for one in found if isinstance(one, _Read)]
    problems = [p for one in read for p in _check(one, content, catalogue)]
    if problems:
        return problems
    return [
        Statement(
            f"{policy_id}#{n}",
            f"@id({string_literal(f'{policy_id}#{n}')})\n{one.source.text}\n",
            *one.written.heads,
        )
        for n, one in enumerate(read)
    ]


def check_expert(
    content: PolicyContent, statements: list[Statement], catalogue: Catalogue
) -> list[Problem]:
    """Let Cedar check names and types; each problem names its place in the text."""
    sources = dict(
        zip(
            [statement.id for statement in statements],
            Source(content.cedar).statements(),
            strict=True,
        )
    )
    text = "\n".join(statement.cedar for statement in statements)
    return [
        _problem(
            ProblemCode.SCHEMA,
            sources[found.statement_id].place_of_error(_without_id(found.message)),
            f"{_sentence(_without_id(found.message))}",
            "Correct it here; what may be absent is asked for with “has” first.",
        )
        for found in cedar.validate_policies(text, catalogue.schema)
    ]


def heads_of(content: PolicyContent) -> list[Written]:
    """Return what statements say; those that are no Cedar are left out."""
    return [one.written for one in _read(content) if isinstance(one, _Read)]


def _mixed(content: PolicyContent) -> Iterator[Problem]:
    for name in _LEFT_OUT:
        if getattr(content, name):
            yield Problem(
                ProblemCode.CEDAR_MIXED,
                name,
                f"A policy in Cedar has no “{name}” beside its text.",
                "Say it in the text, or leave the text empty.",
            )


def _read(content: PolicyContent) -> list[_Read | Problem]:
    whole = Source(content.cedar)
    found: list[_Read | Problem] = []
    for source in whole.statements():
        try:
            found.append(_Read(source, cedar.read_statement(source.text)))
        except CedarSyntaxError as error:
            message = str(error)
            found.append(
                _problem(
                    ProblemCode.CEDAR_SYNTAX,
                    source.place_of_error(message),
                    f"This is not Cedar: {message}.",
                    "Correct the text from here on.",
                )
            )
    if not found:
        nothing = "The text holds no statement."
        remedy = "Write permit or forbid, or use the form."
        return [_problem(ProblemCode.CEDAR_SYNTAX, Place(1, 1), nothing, remedy)]
    return found


def _check(
    read: _Read, content: PolicyContent, catalogue: Catalogue
) -> Iterator[Problem]:
    written, source = read.written, read.source
    if written.effect != content.effect:
        yield _problem(
            ProblemCode.CEDAR_EFFECT,
            source.place_of(written.effect) or source.beginning(),
            f"This statement says {written.effect}, the policy {content.effect}.",
            "Keep permits and forbids in policies of their own.",
        )
    for name in written.annotations:
        yield _problem(
            ProblemCode.CEDAR_ANNOTATED,
            source.place_of("@", name) or source.beginning(),
            f"The annotation @{name} is not kept.",
            "Remove it; the portal gives each statement its id.",
        )
    unknown = [*_unknown(source, catalogue)]
    yield from unknown
    if content.effect == "permit" and not unknown:
        yield from _bounds(read, content, catalogue)


def _unknown(source: Source, catalogue: Catalogue) -> Iterator[Problem]:
    """Name every entity of the text that does not exist."""
    for entity in sorted(cedar.entities_in(source.text)):
        if _is_there(entity, catalogue):
            continue
        place = source.place_of(entity.type, "::", string_literal(entity.id))
        word = "role" if entity.type == ROLE_TYPE else entity.type
        yield _problem(
            _CODES.get(entity.type, ProblemCode.UNKNOWN_RESOURCE),
            place or source.beginning(),
            f"There is no {word} “{entity.id}”.",
            "Register it first, or correct the text.",
        )


_CODES = {
    ROLE_TYPE: ProblemCode.UNKNOWN_ROLE,
    **dict.fromkeys(PRINCIPAL_TYPES, ProblemCode.UNKNOWN_PRINCIPAL),
}


def _is_there(entity: EntityRef, catalogue: Catalogue) -> bool:
    if entity.type == ROLE_TYPE:
        return entity.id in catalogue.roles
    if entity.type in PRINCIPAL_TYPES:
        return entity in catalogue.principals
    return entity in catalogue.resources


def _bounds(
    read: _Read, content: PolicyContent, catalogue: Catalogue
) -> Iterator[Problem]:
    """Hold the head of a permit against what its role holds, and against its tier."""
    unbounded = [*_unbounded(read)]
    if unbounded:
        yield from unbounded
        return
    _, action, resource = read.written.heads
    actions = action.ids or (action.id,)
    role = _role_of(read.written)
    for name in actions:
        permission = Permission(name, resource.type)
        place = read.source.place_of("Action", "::", string_literal(name))
        place = place or read.source.beginning()
        if permission not in catalogue.tiers:
            yield _problem(
                ProblemCode.ACTION_NOT_APPLICABLE,
                place,
                f"“{name}” cannot be done to {resource.type}.",
                "Name an action of the catalogue for this type.",
            )
        elif role and permission not in catalogue.roles[role]:
            yield _problem(
                ProblemCode.ACTION_BEYOND_ROLE,
                place,
                f"The role “{role}” does not hold “{name}” on {resource.type}.",
                "Choose an action that the role holds, or extend the role.",
            )
        elif _rank(catalogue.tiers[permission]) > _rank(content.tier):
            yield Problem(
                ProblemCode.TIER_TOO_LOW,
                "tier",
                f"The text permits “{name}”, which is of tier "
                f"{catalogue.tiers[permission]}.",
                f"Set the tier to {catalogue.tiers[permission]}.",
            )


def _unbounded(read: _Read) -> Iterator[Problem]:
    principal, action, resource = read.written.heads
    is_named = principal.op == "==" and principal.type in PRINCIPAL_TYPES
    if not is_named and _role_of(read.written) is None:
        yield _wide(
            read, "principal", 'principal in Role::"…", or == a user or service'
        )
    if action.op not in {"==", "in"}:
        yield _wide(read, "action", 'action == Action::"…", or in a list of them')
    is_group = resource.type == GROUP_TYPE
    if resource.op not in {"==", "is", "is_in"} or is_group:
        yield _wide(
            read, "resource", 'resource is Type, is Type in ResourceGroup::"…", or =='
        )


def _role_of(written: Written) -> str | None:
    """Return the role whose holders a statement is for."""
    principal = written.heads[0]
    if principal.op == "in" and principal.type == ROLE_TYPE:
        return principal.id
    if principal.op == "is_in" and principal.in_type == ROLE_TYPE:
        return principal.in_id
    return None


def _wide(read: _Read, variable: str, remedy: str) -> Problem:
    return _problem(
        ProblemCode.CEDAR_UNBOUNDED,
        read.source.place_of(variable) or read.source.beginning(),
        f"The head of a permit must bound its {variable}.",
        f"Write {remedy}.",
    )


def _rank(tier: str) -> int:
    return _TIERS.index(tier) if tier in _TIERS else 0


def _without_id(message: str) -> str:
    """Leave out the name that Cedar gives to the statement."""
    return message.partition("`, ")[2] if message.startswith("for policy") else message


def _sentence(message: str) -> str:
    return f"{message[:1].upper()}{message[1:].rstrip('.')}."


def _problem(code: ProblemCode, place: Place, message: str, remedy: str) -> Problem:
    where = f"Line {place.line}, column {place.column}: "
    field = f"cedar[{place.line}:{place.column}+{place.length}]"
    return Problem(code, field, where + message, remedy)
