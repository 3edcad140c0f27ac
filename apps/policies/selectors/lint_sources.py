"""What apps above find wrong with policies: they name themselves here.

Who could approve a change is known above this app, yet it belongs beside what is wrong
with a policy by itself.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from apps.policies.rules import PolicyContent
from apps.policies.rules.lint import Finding


@dataclass(frozen=True)
class Written:
    """A policy and who wrote it, as far as that is known."""

    slug: str
    content: PolicyContent
    author_id: uuid.UUID | None = None
    last_editor_id: uuid.UUID | None = None


@dataclass(frozen=True)
class LintSource:
    """What an app above finds: about some policies, and about the tenant besides."""

    about_policies: Callable[[Sequence[Written]], Iterable[Finding]]
    about_tenant: Callable[[], Iterable[Finding]]


_sources: list[LintSource] = []


def register_findings(source: LintSource) -> None:
    """Name a source of findings; called once while apps get ready."""
    if source not in _sources:
        _sources.append(source)


def found_above(policies: Sequence[Written]) -> list[Finding]:
    """Return what apps above find wrong with policies."""
    return [one for source in _sources for one in source.about_policies(policies)]


def found_besides() -> list[Finding]:
    """Return what apps above find wrong with the tenant as a whole."""
    return [one for source in _sources for one in source.about_tenant()]
