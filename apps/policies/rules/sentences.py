"""A policy in one plain sentence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from apps.policies.rules.content import (
    Condition,
    PolicyContent,
    PrincipalItem,
    ResourceItem,
)
from apps.policies.rules.expert import heads_of
from apps.policies.rules.obligations import Obligation
from apps.policies.rules.words import (
    Words,
    instant_words,
    join,
    location_words,
    window_words,
)
from engine.cedar import GROUP_TYPE, PRINCIPAL_TYPES, ROLE_TYPE, Written
from protocol.records import EntityRef, Head

_MINUTE = 60
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
_NOBODY = Words()


class SpanKind(StrEnum):
    """What a part of a sentence is; pages show each in its own way."""

    PLAIN = "plain"
    VERB = "verb"
    NAME = "name"
    DETAIL = "detail"


@dataclass(frozen=True)
class Span:
    """A part of a sentence."""

    text: str
    kind: SpanKind = SpanKind.PLAIN


def sentence(content: PolicyContent, words: Words = _NOBODY) -> str:
    """Say what a policy does, the way one would tell a colleague."""
    return "".join(span.text for span in sentence_spans(content, words))


def sentence_spans(content: PolicyContent, words: Words = _NOBODY) -> tuple[Span, ...]:
    """Return the sentence in parts: what is a name, what explains it."""
    parts = _expert(content, words) if content.cedar else _said(content, words)
    spans = [*parts, *_times(content), *_duties(content), Span(".")]
    first = spans[0]
    # A name or key is written as it is.
    if first.kind is SpanKind.PLAIN:
        spans[0] = Span(f"{first.text[:1].upper()}{first.text[1:]}")
    return tuple(spans)


def _said(content: PolicyContent, words: Words) -> Iterator[Span]:
    forbids = content.effect == "forbid"
    people = [list(_principal(item, words)) for item in content.principals]
    yield from _list(people, "nobody" if forbids else "anybody")
    yield _may(forbids=forbids, whom=bool(people))
    names = [[Span(action, SpanKind.NAME)] for action in content.actions]
    rest = "do anything" if forbids else "do everything their role holds"
    yield from _list(names, rest, _joint(forbids))
    yield Span(" on ")
    each = _each(forbids)
    places = [list(_resource(item, words, each)) for item in content.resources]
    yield from _list(places, f"{each}thing", _joint(forbids))
    yield from _scopes(content, words)
    yield from _conditions(content)


def _may(*, forbids: bool, whom: bool) -> Span:
    """Say “nobody may”, and never “anybody may not”: that leaves somebody who may."""
    return Span(" may not " if forbids and whom else " may ", SpanKind.VERB)


def _joint(forbids: bool) -> str:  # noqa: FBT001  # what a sentence turns on
    return "or" if forbids else "and"


def _each(forbids: bool) -> str:  # noqa: FBT001  # what a sentence turns on
    return "any" if forbids else "every"


def _expert(content: PolicyContent, words: Words) -> Iterator[Span]:
    """Say whom and what the statements are about; the rest is for their text to say."""
    statements = heads_of(content)
    if not statements:
        yield Span("A policy in Cedar that cannot be read yet")
    for n, written in enumerate(statements):
        if n:
            yield Span("; and ")
        yield from _statement(written, words)


def _statement(written: Written, words: Words) -> Iterator[Span]:
    principal, action, resource = written.heads
    forbids = written.effect == "forbid"
    each = _each(forbids)
    who = ("no", "nobody") if forbids else ("every", "anybody")
    yield from _head(principal, words, *who)
    yield _may(forbids=forbids, whom=principal.op in {"==", "in"})
    names = action.ids or ((action.id,) if action.id else ())
    yield from _list(
        [[Span(name, SpanKind.NAME)] for name in names], "do anything", _joint(forbids)
    )
    yield Span(" on ")
    yield from _head(resource, words, each, f"{each}thing")
    if written.has_conditions:
        yield Span(" as the text conditions it")


def _head(head: Head, words: Words, each: str, anything: str) -> Iterator[Span]:
    match head.op:
        case "==" | "in":
            named = PrincipalItem(head.type, head.id)
            is_thing = head.type not in (ROLE_TYPE, *PRINCIPAL_TYPES)
            thing = ResourceItem(head.type, head.id)
            yield from (
                _resource(thing, words, each) if is_thing else _principal(named, words)
            )
        case "is":
            yield from _resource(ResourceItem(head.type), words, each)
        case "is_in":
            yield from _resource(ResourceItem(head.type), words, each)
            yield Span(" in ")
            yield Span(
                words.name_of(EntityRef(head.in_type, head.in_id)), SpanKind.NAME
            )
        case _:
            yield Span(anything)


def _principal(item: PrincipalItem, words: Words) -> Iterator[Span]:
    if item.type != ROLE_TYPE:
        yield Span(words.name_of(EntityRef(item.type, item.id)), SpanKind.NAME)
        return
    before, name = words.holders_of(item.id)
    if before:
        yield Span(before)
    yield Span(name, SpanKind.NAME)


def _resource(item: ResourceItem, words: Words, each: str) -> Iterator[Span]:
    if not item.id:
        yield Span(f"{each} ")
        yield Span(item.type, SpanKind.NAME)
        return
    is_group = item.type == GROUP_TYPE
    yield Span("group " if is_group else f"{item.type} ")
    yield Span(words.name_of(EntityRef(item.type, item.id)), SpanKind.NAME)


def _scopes(content: PolicyContent, words: Words) -> Iterator[Span]:
    if content.windows:
        yield Span(" during ")
        yield from _list([_window(slug, words) for slug in content.windows], "", "or")
    if content.locations:
        yield Span(" from ")
        yield from _list(
            [_location(slug, words) for slug in content.locations], "", "or"
        )


def _window(slug: str, words: Words) -> list[Span]:
    window = words.windows.get(slug)
    if window is None:
        return [Span(slug, SpanKind.NAME)]
    detail = Span(f" ({window_words(window)})", SpanKind.DETAIL)
    return [Span(window.name, SpanKind.NAME), detail]


def _location(slug: str, words: Words) -> list[Span]:
    location = words.locations.get(slug)
    if location is None:
        return [Span(slug, SpanKind.NAME)]
    detail = Span(f" ({location_words(location)})", SpanKind.DETAIL)
    return [Span(location.name, SpanKind.NAME), detail]


def _conditions(content: PolicyContent) -> Iterator[Span]:
    # What is unknown does not escape a forbid; a sentence that hid that would lie.
    doubt = " (or unknown)" if content.effect == "forbid" else ""
    for n, condition in enumerate(content.conditions):
        yield Span(" and " if n else " if ")
        yield Span(f"{_condition(condition)}{doubt}")


def _times(content: PolicyContent) -> Iterator[Span]:
    if content.effective_from:
        yield Span(f", from {instant_words(content.effective_from)}")
    if content.effective_until:
        yield Span(f", until {instant_words(content.effective_until)}")


def _duties(content: PolicyContent) -> Iterator[Span]:
    """Say what has to be proven, and what is done besides."""
    asked = [words for one in content.obligations if (words := _asked(one))]
    done = [words for one in content.obligations if (words := _done(one))]
    if asked:
        yield Span(f"; it asks for {join(asked)}")
    if done:
        yield Span(f"; it {join(done)}")


def _asked(obligation: Obligation) -> str:
    match obligation.type:
        case "mfa":
            minutes = obligation.max_age // _MINUTE
            age = f" proven in the last {minutes} minutes" if obligation.max_age else ""
            return f"MFA level {obligation.level}{age}"
        case "device_trust":
            return "a trusted device"
        case "max_risk":
            return f"a risk of at most {obligation.at_most}"
        case _:
            return ""


def _done(obligation: Obligation) -> str:
    match obligation.type:
        case "notify":
            return f"tells {obligation.to}"
        case "end_session":
            return "ends the session"
        case _:
            return ""


def _condition(condition: Condition) -> str:
    name = _NAMES.get(condition.attribute, condition.attribute)
    if condition.attribute == "device.trusted":
        return f"{name} is {'' if condition.value else 'not '}trusted"
    verb = _VERBS.get(condition.op, condition.op)
    return f"{name} {verb} {_value(condition.value)}"


def _value(value: object) -> str:
    if isinstance(value, list):
        return " or ".join(map(_value, value))
    if value == "":
        return "empty"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _list(
    items: Sequence[Sequence[Span]], nothing: str, word: str = "and"
) -> Iterator[Span]:
    if not items:
        yield Span(nothing)
    for n, item in enumerate(items):
        if n:
            yield Span(f" {word} " if n == len(items) - 1 else ", ")
        yield from item
