"""How the tests of policies fare."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from apps.policies import rules
from apps.policies.errors import PolicyInvalidError
from apps.policies.models import PolicyDraft, PolicyVersion
from apps.policies.rules import Catalogue, PolicyContent, Problem, TestReport
from apps.policies.rules.edges import Edge, propose_tests
from apps.policies.selectors.catalogue import catalogue_of
from protocol.records import Statement

_UNNAMED = "policy"


def run_tests(
    source: PolicyDraft | PolicyVersion | PolicyContent | Mapping[str, Any],
    *,
    catalogue: Catalogue | None = None,
) -> TestReport:
    """Run the tests of a draft, of a version, or of a content that is not saved yet.

    Raises PolicyInvalidError for a content that does not compile.
    """
    if isinstance(source, PolicyDraft | PolicyVersion):
        content = parsed(source.content)
        known = catalogue or catalogue_of(content)
        statements = stored_statements(source.statements)
    else:
        value = source.to_dict() if isinstance(source, PolicyContent) else source
        content = parsed(value)
        known = catalogue or catalogue_of(content)
        compiled = rules.compile_policy(content, known, policy_id=_UNNAMED)
        if isinstance(compiled, list):
            raise invalid(compiled)
        statements = compiled.statements
    return rules.run_policy_tests(content.tests, content.effect, statements, known)


def proposed_tests(
    draft: PolicyDraft, *, now: dt.datetime, catalogue: Catalogue | None = None
) -> tuple[Edge, ...]:
    """Return tests for the edges of a draft that it does not have yet."""
    content = parsed(draft.content)
    return propose_tests(
        content.effect,
        stored_statements(draft.statements),
        catalogue or catalogue_of(content),
        now=now,
        kept=content.tests,
    )


def frozen_cases(
    draft: PolicyDraft, catalogue: Catalogue | None = None
) -> list[dict[str, Any]]:
    """Return the tests of a draft as nodes will run them, whatever changes later."""
    content = parsed(draft.content)
    records = rules.case_records(
        content.tests,
        draft.policy.slug,
        stored_statements(draft.statements),
        catalogue or catalogue_of(content),
    )
    return [record.to_dict() for record in records]


def stored_statements(stored: Sequence[object]) -> tuple[Statement, ...]:
    """Return statements as they were stored."""
    return tuple(
        Statement.from_dict(one, f"statements[{n}]") for n, one in enumerate(stored)
    )


def parsed(content: object) -> PolicyContent:
    """Return a content, or raise PolicyInvalidError."""
    found = rules.parse_content(content)
    if isinstance(found, list):
        raise invalid(found)
    return found


def invalid(problems: Sequence[Problem]) -> PolicyInvalidError:
    """Return the error that says these problems."""
    return PolicyInvalidError(
        [(p.code.value, p.field, p.message, p.remedy) for p in problems]
    )
