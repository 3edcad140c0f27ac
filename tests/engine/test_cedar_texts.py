"""Statements are read back as they were written, and taken apart without loss."""

from __future__ import annotations

import itertools

import pytest

from engine import cedar
from engine.cedar import NO_HEADS, statement_text
from engine.errors import CedarSyntaxError, QuestionUnreadableError
from protocol.records import EntityRef, Head

PRINCIPALS = [
    Head(),
    Head("==", "User", "alice"),
    Head("in", "Role", "operator"),
    Head("is", "Service"),
    Head("is_in", "User", in_type="Role", in_id='an "odd" role'),
]
ACTIONS = [
    Head(),
    Head("==", id="restart"),
    Head("in", ids=("restart",)),
    Head("in", ids=("restart", "stop")),
]
RESOURCES = [
    Head(),
    Head("==", "Node", "n1"),
    Head("in", "ResourceGroup", "web"),
    Head("is", "Node"),
    Head("is_in", "Node", in_type="ResourceGroup", in_id="web"),
]
EVERYTHING = "permit (principal, action, resource)"
TEMPLATE = '@id("t")\npermit (principal == ?principal, action, resource);'


@pytest.mark.parametrize(
    "heads", [*itertools.product(PRINCIPALS, ACTIONS, RESOURCES)], ids=str
)
def test_every_head_is_read_back_as_it_was_written(
    heads: tuple[Head, Head, Head],
) -> None:
    text = statement_text("p#0", "forbid", heads, ())
    assert cedar.parse_statements(text) == {"p#0": ("forbid", heads)}
    assert cedar.read_statement(text).heads == heads


def test_an_action_in_one_group_is_a_list_of_one() -> None:
    text = 'permit (principal, action in Action::"restart", resource);'
    assert cedar.read_statement(text).heads[1] == Head("in", ids=("restart",))


def test_conditions_are_joined_by_and() -> None:
    text = statement_text("p#0", "permit", NO_HEADS, ("context.a", "context.b"))
    assert cedar.conjuncts(text) == ["context.a", "context.b"]
    assert text.splitlines() == [
        '@id("p#0")',
        f"{EVERYTHING}",
        "when {",
        "  context.a",
        "  && context.b",
        "};",
    ]


def test_a_statement_is_read_with_its_effect_conditions_and_id() -> None:
    text = f'@id("p#0")\n{EVERYTHING} when {{ true }} unless {{ false }};'
    (found,) = cedar.read_statements(text).items()
    ident, read = found
    assert (ident, read.effect, read.heads) == ("p#0", "permit", NO_HEADS)
    assert read.conditions == (
        ("when", {"Value": True}),
        ("unless", {"Value": False}),
    )


@pytest.mark.parametrize(
    ("text", "annotations", "has_conditions"),
    [
        (f"{EVERYTHING};", (), False),
        (f"{EVERYTHING} when {{ true }};", (), True),
        (f'@note("n")\n@id("x")\n{EVERYTHING};', ("id", "note"), False),
    ],
)
def test_one_statement_is_read_with_or_without_an_id(
    text: str, annotations: tuple[str, ...], *, has_conditions: bool
) -> None:
    found = cedar.read_statement(text)
    assert (found.effect, found.heads) == ("permit", NO_HEADS)
    assert (found.annotations, found.has_conditions) == (annotations, has_conditions)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (f"{EVERYTHING}; {EVERYTHING};", "one statement is expected here"),
        ("", "one statement is expected here"),
        (TEMPLATE, "a template with ?principal"),
        ("permit (principal", "unexpected end of input"),
    ],
)
def test_what_is_not_one_statement_is_refused(text: str, reason: str) -> None:
    with pytest.raises(CedarSyntaxError) as caught:
        cedar.read_statement(text)
    assert str(caught.value).startswith(reason)
    for read in (cedar.condition_trees, cedar.conjuncts, cedar.conjunct_trees):
        with pytest.raises(CedarSyntaxError):
            read(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (f"{EVERYTHING};", "every statement has an @id of its own"),
        (f'@id("")\n{EVERYTHING};', "every statement has an @id of its own"),
        (f'@id("x") {EVERYTHING};' * 2, "every statement has an @id of its own"),
        (TEMPLATE, "templates have no place in a release"),
        ("permit (principal", "not Cedar: unexpected end of input"),
    ],
)
def test_a_release_holds_statements_with_an_id_and_nothing_else(
    text: str, reason: str
) -> None:
    with pytest.raises(CedarSyntaxError) as caught:
        cedar.read_statements(text)
    assert str(caught.value).startswith(reason)


@pytest.mark.parametrize(
    "read", [cedar.entities_in, cedar.parse_policies, cedar.parse_heads]
)
def test_every_reader_refuses_what_is_not_cedar(read: object) -> None:
    assert callable(read)
    with pytest.raises(CedarSyntaxError, match="not Cedar: unexpected end of input"):
        read("permit (principal")
    assert cedar.syntax_error(f"{EVERYTHING};") is None
    assert cedar.syntax_error("permit (principal") == "unexpected end of input"


def test_entities_are_found_wherever_a_statement_names_them() -> None:
    text = """permit (
      principal in Role::"operator",
      action in [Action::"stop", Action::"start"],
      resource is Node in ResourceGroup::"web"
    ) when {
      [User::"alice", Service::"ci"].contains(principal)
        && {type: "User", id: "eve"}.type == "User"
    } unless { resource == Node::"n1" };"""
    assert cedar.entities_in(text) == {
        EntityRef("Role", "operator"),
        EntityRef("ResourceGroup", "web"),
        EntityRef("User", "alice"),
        EntityRef("Service", "ci"),
        EntityRef("Node", "n1"),
    }


STATEMENT = """forbid (principal, action, resource) when {
  context has risk && context.risk > 1 && (context.a || context.b)
} unless { context.c && context.d };"""


def test_a_statement_comes_apart_into_what_must_all_hold() -> None:
    assert cedar.conjuncts(STATEMENT) == [
        "(context has risk) && ((context.risk) > 1)",
        "(context.a) || (context.b)",
        "!((context.c) && (context.d))",
    ]
    known, above, either, neither = cedar.conjunct_trees(STATEMENT)
    assert [*map(cedar.expression, (known, above, either, neither))] == [
        "context has risk",
        "(context.risk) > 1",
        "(context.a) || (context.b)",
        "!((context.c) && (context.d))",
    ]


def test_the_conditions_of_a_statement_keep_their_form() -> None:
    when, unless = cedar.condition_trees(STATEMENT)
    assert [len(cedar.flat(tree)) for tree in (when, unless)] == [3, 2]


def test_an_expression_may_hold_any_text() -> None:
    text = f'{EVERYTHING} when {{ context.path == "}} when {{ }}" }};'
    assert cedar.conjuncts(text) == ['(context.path) == "} when { }"']


def test_a_statement_without_its_head_keeps_its_conditions() -> None:
    heads = (PRINCIPALS[1], ACTIONS[1], RESOURCES[1])
    text = statement_text("p#0", "forbid", heads, ("context.a", "context.b"))

    found = cedar.without_head(text, "x")

    (read,) = cedar.read_statements(found).items()
    assert (read[0], read[1].effect, read[1].heads) == ("x", "permit", NO_HEADS)
    assert cedar.condition_trees(found) == cedar.condition_trees(text)


@pytest.mark.parametrize("context", [{}, {"a": 1}])
def test_an_evaluation_names_what_decided_and_what_failed(
    context: dict[str, int],
) -> None:
    texts = [
        f'@id("b") {EVERYTHING} when {{ context.a == 1 }};',
        f'@id("a") {EVERYTHING};',
        f"{EVERYTHING};",
    ]
    entity = {"type": "User", "id": "alice"}
    question = {
        "principal": entity,
        "action": {"type": "Action", "id": "a"},
        "resource": entity,
        "context": context,
    }

    found = cedar.evaluate(question, cedar.parse_policies("\n".join(texts)), [])

    assert found.allowed
    assert found.reasons == (("a", "b", "policy2") if context else ("a", "policy2"))
    assert len(found.errors) == (0 if context else 1)


def test_a_question_that_cannot_be_read_is_no_answer() -> None:
    entity = {"type": "User", "id": "\ud800"}
    question = {
        "principal": entity,
        "action": {"type": "Action", "id": "a"},
        "resource": entity,
        "context": {},
    }
    with pytest.raises(QuestionUnreadableError, match="the question cannot be read: "):
        cedar.evaluate(question, cedar.parse_policies(f"{EVERYTHING};"), [])
