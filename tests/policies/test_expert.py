"""The Cedar of experts: what it may say, and where its errors are."""

from __future__ import annotations

from dataclasses import replace

import pytest

from apps.policies import rules
from apps.policies.rules import (
    Catalogue,
    CompiledPolicy,
    PolicyContent,
    PrincipalItem,
    Problem,
)
from engine.schema import base_schema
from engine.sources import Source
from tests.policies.test_rules import ATTRIBUTES, CATALOGUE, TIERS

GOOD = """permit (
  principal in Role::"developer",
  action == Action::"deploy",
  resource is Namespace
) when { context has risk && context.risk < 50 };"""
HEAD = "permit (principal, action, resource)"
WHO = 'principal in Role::"developer"'
SYNTAX, WIDE = "cedar_syntax", "cedar_unbounded"
CONTENT = PolicyContent(name="x", effect="permit", tier="operator", cedar=GOOD)


def known() -> Catalogue:
    actions: dict[str, list[str]] = {}
    for permission in TIERS:
        actions.setdefault(permission.action, []).append(permission.resource_type)
    schema = base_schema(
        actions=actions,
        resource_types=CATALOGUE.resource_types,
        zones=["Europe/Berlin"],
        attributes=ATTRIBUTES,
    )
    return replace(CATALOGUE, schema=schema)


def compiled(text: str, **change: str) -> CompiledPolicy | list[Problem]:
    content = replace(CONTENT, cedar=text, **change)  # type: ignore[arg-type]
    return rules.compile_policy(content, known(), policy_id="p")


def test_statements_of_an_expert_get_ids_and_their_real_heads() -> None:
    found = compiled(GOOD + "\n// and then\n" + GOOD)
    assert isinstance(found, CompiledPolicy)
    first, second = found.statements
    assert (first.id, second.id) == ("p#0", "p#1")
    assert first.cedar.startswith('@id("p#0")\npermit (')
    assert (first.principal.op, first.principal.id) == ("in", "developer")
    assert first.resource.op == "is"


@pytest.mark.parametrize(
    ("text", "place", "code"),
    [
        ("permit (principal,\n action ==, resource);", "2:11+1", "cedar_syntax"),
        (f'{HEAD} when {{ context.risk > "1" ', "1:60+3", SYNTAX),
        ("", None, None),
        (GOOD.replace("permit", "forbid"), "1:1+6", "cedar_effect"),
        ('@note("x")\n' + GOOD, "1:1+5", "cedar_annotated"),
        (GOOD.replace("developer", "nobody"), "2:16+14", "unknown_role"),
        (GOOD.replace(WHO, "principal"), "2:3+9", WIDE),
        (GOOD.replace('action == Action::"deploy"', "action"), "3:3+6", WIDE),
        (GOOD.replace("resource is Namespace", "resource"), "4:3+8", "cedar_unbounded"),
        (
            GOOD.replace("resource is Namespace", 'resource in ResourceGroup::"web"'),
            "4:3+8",
            "cedar_unbounded",
        ),
        (GOOD.replace("Namespace", "Node"), "3:13+16", "action_not_applicable"),
        (
            GOOD.replace('"deploy"', '"wipe"').replace("is Namespace", "is Node"),
            "3:13+14",
            "action_beyond_role",
        ),
        (GOOD.replace("context has risk && ", ""), "5:18+4", "schema"),
        (GOOD.replace("context.risk < 50", "context.mood < 50"), "5:38+4", "schema"),
        (GOOD.replace("in", "== ?principal, //", 1), "1:1+6", SYNTAX),
    ],
)  # fmt: skip
def test_an_error_names_its_place(
    text: str, place: str | None, code: str | None
) -> None:
    found = compiled(text)
    assert isinstance(found, list)
    if place is None:
        return
    assert (found[0].field, found[0].code) == (f"cedar[{place}]", f"policies.{code}")


def test_a_permit_of_a_higher_tier_needs_that_tier() -> None:
    found = compiled(GOOD, tier="read_only")
    assert isinstance(found, list)
    assert [(p.field, p.code) for p in found] == [("tier", "policies.tier_too_low")]


def test_a_forbid_may_be_as_wide_as_it_likes() -> None:
    text = "forbid (principal, action, resource);"
    assert isinstance(compiled(text, effect="forbid"), CompiledPolicy)


def test_text_and_form_do_not_mix() -> None:
    content = replace(CONTENT, principals=(PrincipalItem("Role", "developer"),))
    found = rules.compile_policy(content, known(), policy_id="p")
    assert isinstance(found, list)
    assert found[0].field == "principals"


def test_a_sentence_says_whom_an_expert_permits_what() -> None:
    assert rules.sentence(CONTENT) == (
        "Members of developer may deploy on every Namespace as the text conditions it."
    )


@pytest.mark.parametrize(
    ("head", "said"),
    [
        ("principal, action, resource", "Nobody may do anything on anything."),
        (
            "principal is User, action, resource is Node",
            "No User may do anything on any Node.",
        ),
    ],
)
def test_a_sentence_forbids_without_leaving_anybody_who_may(
    head: str, said: str
) -> None:
    content = replace(CONTENT, effect="forbid", cedar=f"forbid ({head});")
    assert rules.sentence(content) == said


def test_comments_and_texts_do_not_end_a_statement() -> None:
    text = '// a; b\npermit (principal, action, resource) when { context.x == ";" };'
    (only,) = Source(text).statements()
    assert only.text.startswith("permit")
    assert only.beginning().line == 2
