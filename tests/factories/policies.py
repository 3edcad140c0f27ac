"""The tests that a policy needs before it may be proposed."""

from __future__ import annotations

import datetime as dt
from typing import Any

from apps.policies.rules import (
    CompiledPolicy,
    PolicyContent,
    compile_policy,
    parse_content,
    propose_tests,
)
from apps.policies.selectors import catalogue

NOW = dt.datetime(2026, 11, 18, tzinfo=dt.UTC)


def with_tests(content: dict[str, Any]) -> dict[str, Any]:
    """Return a content with tests that cover all that it forbids."""
    parsed, known = parse_content(content | {"tests": []}), catalogue()
    assert isinstance(parsed, PolicyContent), parsed
    compiled = compile_policy(parsed, known, policy_id="p")
    assert isinstance(compiled, CompiledPolicy), compiled
    edges = propose_tests(parsed.effect, compiled.statements, known, now=NOW)
    needed = [edge.case.to_dict() for edge in edges if edge.is_needed]
    return content | ({"tests": needed} if needed else {})
