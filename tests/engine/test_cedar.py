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


LEVEL = Attribute("User", "level", AttributeType.LONG)
LABELS = Attribute("Node", "labels", AttributeType.STRINGS)
STAGE = Attribute("Node", "stage", AttributeType.STRING, ("live", "test"))
OTHER_STAGE = Attribute("Database", "stage", AttributeType.STRING, ("old",))


@pytest.mark.parametrize(
    ("condition", "text"),
    [
        (("mfa", ">=", 2), "(context has mfa && context.mfa >= 2)"),
        (
            ("device.trusted", "==", True),
            "(context has device && context.device.trusted == true)",
        ),
        (
            ("country", "in", ["DE", "FR"]),
            '(context has country && ["DE", "FR"].contains(context.country))',
        ),
        (
            ("path", "starts_with", '/a*"'),
            '(context has path && context.path like "/a\\*\\"*")',
        ),
        (
            ("resource.labels", "contains", "x"),
            '(resource has labels && resource.labels.contains("x"))',
        ),
        (("principal.level", "<", 3), "(principal has level && principal.level < 3)"),
    ],
)
def test_a_condition_asks_first_whether_its_attribute_is_there(
    condition: tuple[str, str, object], text: str
) -> None:
    registry = [LEVEL, LABELS]
    assert condition_text(*condition, registry=registry) == text
    inner = text.removeprefix("(").removesuffix(")")
    known, _, test = inner.partition(" && ")
    assert condition_text(*condition, registry=registry, unknown_matches=True) == (
        f"(if {known} then {test} else true)"
    )


@pytest.mark.parametrize(
    ("condition", "reason"),
    [
        (
            ("mfa", "in", [1]),
            "mfa is of type long; use one of ==, !=, <, <=, >, >=",
        ),
        (("country", "in", []), "country: “in” needs a list with values"),
        (("mfa", "==", "2"), "mfa is of type long; '2' is not of that type"),
        (("risk", "<", 101), "risk goes from 0 to 100"),
        (("country", "in", ["DE", 1]), "1 is not of that type"),
        (
            ("resource.stage", "==", "prod"),
            "'prod' is not a value of resource.stage; it is one of live, test, old",
        ),
        (
            ("resource.stage", "in", ["live", "prod"]),
            "'prod' is not a value of resource.stage",
        ),
        (
            ("mood", "==", "good"),
            (
                "there is no attribute 'mood'; known are city, country, "
                "device.trusted, method, mfa, path, resource.stage, risk, ticket"
            ),
        ),
    ],
)
def test_a_refused_condition_names_what_would_be_accepted(
    condition: tuple[str, str, object], reason: str
) -> None:
    with pytest.raises(EngineError) as caught:
        condition_text(*condition, registry=[STAGE, OTHER_STAGE])
    assert reason in str(caught.value)


@pytest.mark.parametrize("value", [0, 100])
def test_a_risk_may_be_compared_with_its_bounds(value: int) -> None:
    assert condition_text("risk", "<=", value)


@pytest.mark.parametrize(
    ("operator", "value", "registry"),
    [
        ("==", "old", [STAGE, OTHER_STAGE]),
        # The beginning of a value is none itself.
        ("starts_with", "l", [STAGE]),
        # One owner allows every value.
        ("==", "prod", [STAGE, Attribute("Pod", "stage", AttributeType.STRING)]),
    ],
)
def test_what_any_owner_of_an_attribute_allows_may_be_asked_for(
    operator: str, value: str, registry: list[Attribute]
) -> None:
    assert condition_text("resource.stage", operator, value, registry=registry)


def test_an_attribute_of_two_types_is_not_known() -> None:
    other = Attribute("Database", "stage", AttributeType.LONG)
    with pytest.raises(UnknownAttributeError):
        condition_text("resource.stage", "==", 1, registry=[STAGE, other])


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


def test_a_schema_that_is_none_is_refused() -> None:
    with pytest.raises(CedarSyntaxError, match="the schema is not accepted: Schema"):
        cedar.validate_policies(statement("true"), {"": {"entityTypes": 1}})


def test_two_statements_with_one_id_are_refused() -> None:
    with pytest.raises(CedarSyntaxError):
        cedar.parse_heads(statement("true") * 2)


@settings(deadline=None)
@given(st.text(min_size=1, max_size=40).filter(lambda t: "\x00" not in t))
def test_any_text_survives_as_a_literal(text: str) -> None:
    head = Head("==", "User", text)
    source = cedar.statement_text("p#0", "permit", (head, Head(), Head()), ())
    assert cedar.parse_heads(source)["p#0"][0] == head
