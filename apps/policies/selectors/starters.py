"""Policies that come along to start from."""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from apps.policies.rules import (
    EdgeKind,
    Span,
    compile_policy,
    parse_content,
    propose_tests,
    run_policy_tests,
    sentence_spans,
)
from apps.policies.rules.starting import renamed_tests
from apps.policies.selectors.catalogue import catalogue_of

_STARTERS = Path(__file__).parent.parent / "starters"


@dataclass(frozen=True)
class Starter:
    """A policy to start from: what it is for, and what to put in place of ours."""

    slug: str
    title: str
    about: str
    fill_in: tuple[str, ...]
    content: Mapping[str, Any]

    @property
    def spans(self) -> tuple[Span, ...]:
        """Return its sentence, with the short names that it is written in."""
        parsed = parse_content(self.content)
        return () if isinstance(parsed, list) else sentence_spans(parsed)


@functools.cache
def starters() -> tuple[Starter, ...]:
    """Return the policies to start from, in the order of the gallery."""
    found = []
    for path in sorted(_STARTERS.glob("*.yaml")):
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
        found.append(
            Starter(
                slug=path.stem.partition("-")[2],
                title=data["title"],
                about=data["about"],
                fill_in=tuple(data["fill_in"]),
                content=data["content"],
            )
        )
    return tuple(found)


def starter_tests(
    slug: str, content: Mapping[str, Any], now: dt.datetime
) -> list[dict[str, Any]]:
    """Return the tests for what was made of a policy to start from.

    Its own tests count as far as they hold of what was made of it; what they do not
    reach any more gets the tests that are proposed for it.
    """
    before = parse_content(starter_content(slug) or {})
    after = parse_content(content)
    if isinstance(before, list) or isinstance(after, list):
        return []
    known = catalogue_of(after)
    compiled = compile_policy(after, known, policy_id=slug)
    if isinstance(compiled, list):
        return []
    statements, effect = compiled.statements, after.effect
    cases = list(renamed_tests(before.tests, before, after))
    report = run_policy_tests(cases, effect, statements, known)
    kept = [one for one, ran in zip(cases, report.results, strict=True) if ran.passed]
    reached = run_policy_tests(kept, effect, statements, known).coverage
    if any(not one.reached for one in reached.statements) or reached.uncovered:
        edges = propose_tests(effect, statements, known, now=now, kept=kept)
        kept += [one.case for one in edges if one.kind is EdgeKind.STATEMENT]
    return [case.to_dict() for case in kept]


def starter_content(slug: str) -> dict[str, Any] | None:
    """Return the content of a policy to start from, complete with its empty lists."""
    for starter in starters():
        if starter.slug == slug:
            parsed = parse_content(starter.content)
            return None if isinstance(parsed, list) else parsed.to_dict()
    return None
