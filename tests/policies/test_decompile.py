"""Round trips between the form and Cedar."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.policies.rules import (
    CompiledPolicy,
    Condition,
    PolicyContent,
    PrincipalItem,
    ResourceItem,
    Unsayable,
    compile_policy,
    decompile,
)
from protocol.records import LocationRecord, WindowRecord
from tests.policies.test_expert import GOOD, known

CATALOGUE = replace(
    known(),
    windows={
        **known().windows,
        "night": WindowRecord(
            "night",
            name="Night",
            zone="Europe/Berlin",
            weekdays=(1, 7),
            start_minute=1320,
            end_minute=300,
            closed_on=("2026-12-24",),
        ),
    },
    locations={
        **known().locations,
        "home": LocationRecord("home", name="Home", countries=("DE", "PT")),
    },
)
MORE = GOOD.partition(" when")[0] + ";"
TEXTS = st.text(max_size=12)
CONDITIONS = st.one_of(
    st.builds(
        Condition,
        st.sampled_from(["mfa", "risk"]),
        st.sampled_from(["==", "!=", "<", "<=", ">", ">="]),
        st.integers(0, 100),
    ),
    st.builds(
        Condition,
        st.sampled_from(["country", "path", "ticket", "resource.stage"]),
        st.sampled_from(["==", "!=", "starts_with"]),
        TEXTS,
    ),
    st.builds(
        Condition,
        st.just("city"),
        st.just("in"),
        st.lists(TEXTS, min_size=1, max_size=3),
    ),
    st.builds(Condition, st.just("device.trusted"), st.just("=="), st.booleans()),
    st.builds(
        Condition, st.just("principal.clearance"), st.just(">="), st.integers(-5, 5)
    ),
)
CONTENTS = st.builds(
    PolicyContent,
    name=st.just("x"),
    effect=st.sampled_from(["permit", "forbid"]),
    tier=st.just("admin"),
    principals=st.sampled_from(
        [
            (PrincipalItem("Role", "developer"),),
            (PrincipalItem("User", "alice"),),
        ]
    ),
    actions=st.just(("restart",)),
    resources=st.sampled_from(
        [
            (ResourceItem("Node"),),
            (ResourceItem("ResourceGroup", "web"),),
            (ResourceItem("Node"), ResourceItem("ResourceGroup", "web")),
        ]
    ),
    windows=st.sampled_from(
        [(), ("night",), ("office-hours",), ("night", "office-hours")]
    ),
    locations=st.sampled_from([(), ("home",), ("home", "office")]),
    conditions=st.lists(CONDITIONS, max_size=4).map(tuple),
)


def as_text(content: PolicyContent) -> PolicyContent:
    """Return a policy as the expert's text that it compiles to."""
    found = compile_policy(content, CATALOGUE, policy_id="p")
    assert isinstance(found, CompiledPolicy), found
    text = "\n".join(one.cedar.partition("\n")[2] for one in found.statements)
    return PolicyContent(
        name=content.name, effect=content.effect, tier=content.tier, cedar=text
    )


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(CONTENTS)
def test_form_to_cedar_to_form_is_the_same(content: PolicyContent) -> None:
    assert decompile(as_text(content), CATALOGUE) == content


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (("context.risk < 50", "context.risk + 1 < 50"), "cannot say"),
        (("};", "} unless { context has ip };"), "cannot say"),
        (("};", f"}};\n{MORE}"), "different conditions"),
        (("risk < 50", "risk <"), "has errors"),
    ],
)  # fmt: skip
def test_what_the_form_cannot_say_stays_text_with_its_reason(
    change: tuple[str, str], reason: str
) -> None:
    content = PolicyContent(
        name="x", effect="permit", tier="admin", cedar=GOOD.replace(*change)
    )
    found = decompile(content, CATALOGUE)
    assert isinstance(found, Unsayable)
    assert reason in found.reason


def test_a_text_of_an_expert_becomes_a_form() -> None:
    content = PolicyContent(name="x", effect="permit", tier="admin", cedar=GOOD)
    found = decompile(content, CATALOGUE)
    assert isinstance(found, PolicyContent)
    assert found.conditions == (Condition("risk", "<", 50),)
    assert found.cedar == ""
