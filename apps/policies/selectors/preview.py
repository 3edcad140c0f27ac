"""What a policy would say and compile to, before it is saved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from apps.policies.rules import (
    Problem,
    Span,
    Unsayable,
    compile_policy,
    decompile,
    parse_content,
    sentence_spans,
)
from apps.policies.selectors.catalogue import catalogue, catalogue_of, words_of

_UNNAMED = "Untitled"
_UNNAMED_SLUG = "policy"


@dataclass(frozen=True)
class Preview:
    """A sentence, Cedar, and all that is wrong. With problems there is no Cedar."""

    spans: tuple[Span, ...] = ()
    cedar: str = ""
    statements: int = 0
    problems: tuple[Problem, ...] = ()


def as_form(content: Mapping[str, Any]) -> dict[str, Any] | str:
    """Return the content of the form that says what a Cedar text does, or why not."""
    name = content.get("name") or _UNNAMED
    parsed = parse_content({**content, "name": name})
    if isinstance(parsed, list):
        return parsed[0].message
    found = decompile(parsed, catalogue())
    if isinstance(found, Unsayable):
        return found.reason
    return found.to_dict() | {"name": content.get("name", "")}


def preview(content: Mapping[str, Any], slug: str) -> Preview:
    """Return what a content says and compiles to; a name may still be missing."""
    name = content.get("name") or _UNNAMED
    parsed = parse_content({**content, "name": name})
    if isinstance(parsed, list):
        return Preview(problems=tuple(parsed))
    spans = sentence_spans(parsed, words_of(parsed))
    found = compile_policy(
        parsed, catalogue_of(parsed), policy_id=slug or _UNNAMED_SLUG
    )
    if isinstance(found, list):
        return Preview(spans, problems=tuple(found))
    text = "\n".join(statement.cedar for statement in found.statements)
    return Preview(spans, text, len(found.statements))
