"""Policies that come along to start from."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from apps.policies.rules import Span, parse_content, sentence_spans

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


def starter_content(slug: str) -> dict[str, Any] | None:
    """Return the content of a policy to start from, complete with its empty lists."""
    for starter in starters():
        if starter.slug == slug:
            parsed = parse_content(starter.content)
            return None if isinstance(parsed, list) else parsed.to_dict()
    return None
