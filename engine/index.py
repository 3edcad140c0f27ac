"""Which statements can apply to a request, found without looking at the others.

The index is exact for heads: it returns all statements whose head matches and no
others, so decision, reasons and errors are those of the whole set.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from protocol.records import EntityRef, Head, Statement

# A key is one way in which a head may constrain a variable.
Key = tuple[str, ...]
_ANY: Key = ("any",)


class StatementIndex:
    """(principal key, resource key) to action key to statement numbers."""

    def __init__(self, statements: Sequence[Statement]) -> None:
        self._index: dict[tuple[Key, Key], dict[Key, list[int]]] = {}
        for number, statement in enumerate(statements):
            place = (_entity_key(statement.principal), _entity_key(statement.resource))
            actions = self._index.setdefault(place, {})
            for key in _action_keys(statement.action):
                actions.setdefault(key, []).append(number)

    def candidates(
        self,
        principal: Sequence[Key],
        action: str,
        resource: Sequence[Key],
    ) -> tuple[int, ...]:
        """Return the numbers of matching statements, ascending."""
        found: set[int] = set()
        wanted = (_ANY, ("==", action))
        for left in principal:
            for right in resource:
                actions = self._index.get((left, right))
                if actions:
                    for key in wanted:
                        found.update(actions.get(key, ()))
        return tuple(sorted(found))


class HalfIndex:
    """Statements by action and only one of principal and resource."""

    def __init__(self, statements: Sequence[Statement]) -> None:
        self._principals: dict[Key, dict[Key, list[int]]] = {}
        self._resources: dict[Key, dict[Key, list[int]]] = {}
        for number, statement in enumerate(statements):
            for index, head in (
                (self._principals, statement.principal),
                (self._resources, statement.resource),
            ):
                actions = index.setdefault(_entity_key(head), {})
                for key in _action_keys(statement.action):
                    actions.setdefault(key, []).append(number)

    def of_principal(self, keys: Iterable[Key], action: str | None) -> set[int]:
        """Return the statements about a principal; without an action, about any."""
        return _in_half(self._principals, keys, action)

    def of_resource(self, keys: Iterable[Key], action: str | None) -> set[int]:
        """Return the statements about a resource; without an action, about any."""
        return _in_half(self._resources, keys, action)


def request_keys(entity: EntityRef, ancestors: Iterable[EntityRef]) -> list[Key]:
    """Return every key that an entity with these ancestors matches."""
    return list(_request_keys(entity, ancestors))


def _request_keys(entity: EntityRef, ancestors: Iterable[EntityRef]) -> Iterator[Key]:
    yield _ANY
    yield ("==", entity.type, entity.id)
    yield ("is", entity.type)
    for above in (entity, *ancestors):
        yield ("in", above.type, above.id)
        yield ("is_in", entity.type, above.type, above.id)


def _in_half(
    index: dict[Key, dict[Key, list[int]]], keys: Iterable[Key], action: str | None
) -> set[int]:
    found: set[int] = set()
    for key in keys:
        actions = index.get(key, {})
        wanted = actions if action is None else (_ANY, ("==", action))
        for one in wanted:
            found.update(actions.get(one, ()))
    return found


def _entity_key(head: Head) -> Key:
    match head.op:
        case "any":
            return _ANY
        case "is":
            return ("is", head.type)
        case "is_in":
            return ("is_in", head.type, head.in_type, head.in_id)
        case _:
            return (head.op, head.type, head.id)


def _action_keys(head: Head) -> list[Key]:
    match head.op:
        case "any":
            return [_ANY]
        case "==":
            return [("==", head.id)]
        case _:
            return [("==", ident) for ident in dict.fromkeys(head.ids)]
