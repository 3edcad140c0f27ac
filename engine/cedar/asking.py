"""Ask Cedar: its validator and its authorizer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import cedarpy

from engine.cedar.reading import parse_heads
from engine.errors import CedarSyntaxError, QuestionUnreadableError


@dataclass(frozen=True)
class CedarProblem:
    """What Cedar's validator found, and in which statement."""

    statement_id: str
    message: str


@dataclass(frozen=True)
class Evaluation:
    """What Cedar decided: the statements that determined it, and errors."""

    allowed: bool
    reasons: tuple[str, ...]
    errors: tuple[str, ...]


def validate_policies(text: str, schema: Mapping[str, Any]) -> list[CedarProblem]:
    """Return what Cedar's validator has against statements.

    Raises CedarSyntaxError for a text that is not Cedar, or a schema that is none.
    """
    parse_heads(text)
    result = cedarpy.validate_policies(text, dict(schema))
    names = result.id_annotations_by_policy_id
    for error in result.errors:
        if error.policy_id not in names:
            raise CedarSyntaxError(f"the schema is not accepted: {error.error}")
    return [
        CedarProblem(names[error.policy_id], error.error) for error in result.errors
    ]


def parse_policies(text: str) -> Any:  # noqa: ANN401  # an opaque handle
    """Return a handle of parsed statements; raises CedarSyntaxError."""
    try:
        return cedarpy.PolicySet.from_str(text)
    except ValueError as error:
        raise CedarSyntaxError(f"not Cedar: {error}") from error


def evaluate(
    request: Mapping[str, Any],
    policies: Any,  # noqa: ANN401  # the handle of parse_policies
    entities: list[dict[str, Any]],
) -> Evaluation:
    """Ask Cedar. Errors are returned, not raised: what they mean is not said here.

    Raises QuestionUnreadableError for a question that Cedar cannot read.
    """
    try:
        result = cedarpy.is_authorized(dict(request), policies, entities)
    except ValueError as error:
        message = f"the question cannot be read: {error}"
        raise QuestionUnreadableError(message) from error
    diagnostics = result.diagnostics
    names = diagnostics.id_annotations_by_reason
    reasons = sorted(str(names.get(reason, reason)) for reason in diagnostics.reasons)
    return Evaluation(
        bool(result.allowed), tuple(reasons), tuple(map(str, diagnostics.errors))
    )
