"""Conditions are typed, and the validator names what it found."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import cedar
from engine.cedar import Attribute, AttributeType, condition_text
from engine.errors import (
    CedarSyntaxError,
    EngineError,
    UnknownAttributeError,
    UnknownOperatorError,
    WrongTypeError,
)
from engine.schema import base_schema
from protocol.records import Head

TEAM = Attribute("User", "team", AttributeType.STRING)
SCHEMA = base_schema(
    actions={"restart": ["Node"]},
    resource_types=["Node"],
    zones=["Europe/Berlin"],
    attributes=[TEAM],
)


def statement(condition: str) -> str:
    heads = (
        Head("in", "Role", "operator"),
        Head("==", id="restart"),
        Head("is", "Node"),
    )
    return cedar.statement_text("p#0", "permit", heads, (condition,))


@pytest.mark.parametrize(
    "condition",
    [
        condition_text("mfa", ">=", 2),
        condition_text("device.trusted", "==", value=True),
        condition_text("device.trusted", "==", value=False, unknown_matches=True),
        *(condition_text("risk", op, 40) for op in cedar.OPERATORS[AttributeType.LONG]),
        condition_text("path", "starts_with", "/a*b"),
        condition_text("country", "in", ["DE", "FR"]),
        condition_text("principal.team", "==", 'a "b"', registry=[TEAM]),
        condition_text("risk", "<", 50, unknown_matches=True),
    ],
)
def test_a_typed_condition_satisfies_the_schema(condition: str) -> None:
    assert cedar.validate_policies(statement(condition), SCHEMA) == []


@pytest.mark.parametrize(
    ("attribute", "operator", "value", "error"),
    [
        ("weekdy", "==", 1, UnknownAttributeError),
        ("principal.team", "==", "x", UnknownAttributeError),
        ("mfa", "contains", 1, UnknownOperatorError),
        ("mfa", ">=", "2", WrongTypeError),
        ("mfa", ">=", True, WrongTypeError),
        ("risk", ">", 101, WrongTypeError),
        ("risk", "<", -1, WrongTypeError),
        ("device.trusted", "==", "yes", WrongTypeError),
        ("device.trusted", ">", True, UnknownOperatorError),
        ("country", "in", "DE", WrongTypeError),
        ("country", "in", [], WrongTypeError),
    ],
)
def test_a_condition_that_makes_no_sense_is_refused(
    attribute: str, operator: str, value: object, error: type[EngineError]
) -> None:
    with pytest.raises(error):
        condition_text(attribute, operator, value)


def test_the_validator_names_the_statement() -> None:
    (problem, *_) = cedar.validate_policies(statement("context.weekdy == 1"), SCHEMA)
    assert problem.statement_id == "p#0"
    assert "weekdy" in problem.message


@pytest.mark.parametrize(
    "condition",
    [
        'context has risk && context.risk == "low"',
        "context has device && context.device.trusted == 1",
        "context has device && context.device.owner == 1",
        "context.risk > 1",
        "context.device.trusted",
    ],
)
def test_the_schema_refuses_a_wrong_type_and_what_may_be_absent(condition: str) -> None:
    assert cedar.validate_policies(statement(condition), SCHEMA)


def test_a_text_that_is_not_cedar_is_refused() -> None:
    with pytest.raises(CedarSyntaxError):
        cedar.parse_heads("permit (principal")


def test_two_statements_with_one_id_are_refused() -> None:
    with pytest.raises(CedarSyntaxError):
        cedar.parse_heads(statement("true") * 2)


@settings(deadline=None)
@given(st.text(min_size=1, max_size=40).filter(lambda t: "\x00" not in t))
def test_any_text_survives_as_a_literal(text: str) -> None:
    head = Head("==", "User", text)
    source = cedar.statement_text("p#0", "permit", (head, Head(), Head()), ())
    assert cedar.parse_heads(source)["p#0"][0] == head
