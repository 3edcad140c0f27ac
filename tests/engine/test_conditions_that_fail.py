"""A condition that ends in an error denies: in Cedar, simulator, agent, and exports.

By itself Cedar passes over a statement whose condition fails. A forbid that is passed
over forbids nothing, so everything that decides here takes the error for a denial. Each
test differs by the condition alone from a question that is allowed.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from apps.simulation.rules import Fate, Logged, Replay
from apps.simulation.rules.levels import Level, Levels
from apps.simulation.selectors.worlds import world_of
from engine import cedar
from engine.authzen import parse_evaluation
from engine.cedar import head_text
from engine.decide import Decision, PolicyEngine, Request
from engine.explain import Explainer
from engine.exports.flatten import flatten
from engine.exports.istio import export_istio
from engine.exports.kubernetes import export_kubernetes
from engine.search import Query, Searcher, Sought
from protocol.records import EntityRef, Head, Record
from tests.engine.builders import NOON, policy, principal, resource, role
from tests.engine.rego import decide as decide_in_rego
from tests.node_agent.conftest import enrolled_node
from tests.simulators.releases import ReleaseSimulator

CHECKOUT = EntityRef("Service", "spiffe://acme.example/ns/shop/sa/checkout")
PAYMENT, SHOP = EntityRef("Endpoint", "payment"), EntityRef("Namespace", "shop")
RISKY = 2
# What cannot be asked of these entities, each in another way.
FAILING = {
    "an attribute of the context that is missing": "context.country == 'DE'",
    "an attribute of the principal that is missing": "principal.team == 'shop'",
    "an attribute of the resource that is missing": "resource.owner == 'shop'",
    "a number that grows too large": "context.risk * 9223372036854775807 > 1",
    "texts that are compared as numbers": "principal.name < 3",
    "an address that is none": "ip(principal.name).isLoopback()",
    "a failure behind what holds": "principal has name && principal.name < 3",
    "a failure that would be turned round": "!(principal.name < 3)",
}
KINDS = {
    "a permit beside another": ("permit", "when"),
    "a permit, unless": ("permit", "unless"),
    "a forbid": ("forbid", "when"),
    "a forbid, unless": ("forbid", "unless"),
}
Decide = Callable[[list[Record], EntityRef], bool]


def world(effect: str, clause: str, condition: str) -> list[Record]:
    who = Head("==", CHECKOUT.type, CHECKOUT.id)
    text = f"@id('odd#0') {effect} ({head_text('principal', who)}, action, resource)"
    text = f"{text} {clause} {{ {condition} }};".replace("'", '"')
    return [
        principal(CHECKOUT, name="checkout"),
        resource(PAYMENT, namespace="payments"),
        resource(SHOP),
        role("reader"),
        policy("plain", principal=who, action=Head("in", ids=("GET", "read"))),
        policy("odd", effect=effect, principal=who, cedar=text),
    ]


def question(where: EntityRef) -> Request:
    return Request(CHECKOUT, action_on(where), where, NOON, {"risk": RISKY})


def action_on(where: EntityRef) -> str:
    return "GET" if where == PAYMENT else "read"


def in_cedar(records: list[Record], where: EntityRef) -> bool:
    return PolicyEngine.from_records(records, {}).decide(question(where)).allowed


def in_simulator(records: list[Record], where: EntityRef) -> bool:
    world = world_of(records, NOON)
    allowed = world.engine.decide(question(where)).allowed
    cell = Levels(world.engine, NOON).cell(CHECKOUT, action_on(where), where)
    # Circumstances may save what depends on them, never what records decide.
    assert cell.level is not Level.ALWAYS or allowed
    explained = Explainer(world.engine, world.records).explain(question(where))
    assert explained.decision.allowed is allowed
    sought = Query(Sought.ACTION, question(where))
    found = Searcher(world.engine).find(sought, limit=9, budget=9)
    assert (action_on(where) in found.names) is allowed
    return allowed


def in_rego(records: list[Record], where: EntityRef) -> bool:
    asked = {
        "subject": {"type": CHECKOUT.type, "id": CHECKOUT.id},
        "action": {"name": action_on(where)},
        "resource": {"type": where.type, "id": where.id},
        "context": {"risk": RISKY},
    }
    assert parse_evaluation(asked, NOON) == question(where)
    answer = decide_in_rego(flatten(records, {}).decider, asked, NOON)
    return bool(answer["decision"])


def in_istio(records: list[Record], where: EntityRef) -> bool:
    """Return what a mesh does: it denies first, and lets in whom a rule names."""
    assert where == PAYMENT
    actions: dict[str, list[dict[str, Any]]] = {
        manifest["spec"]["action"]: manifest["spec"].get("rules", [])
        for manifest in export_istio(records).manifests
    }
    return bool(actions["ALLOW"]) and not actions.get("DENY")


def in_kubernetes(records: list[Record], _where: EntityRef) -> bool:
    found = export_kubernetes(records, tenant="acme").manifests
    return any(manifest["kind"] == "RoleBinding" for manifest in found)


DECIDERS: dict[str, tuple[Decide, EntityRef]] = {
    "Cedar": (in_cedar, PAYMENT),
    "the simulator": (in_simulator, PAYMENT),
    "Rego": (in_rego, PAYMENT),
    "Istio": (in_istio, PAYMENT),
    "Kubernetes": (in_kubernetes, SHOP),
}
deciders = pytest.mark.parametrize(("decide", "where"), DECIDERS.values(), ids=DECIDERS)
kinds = pytest.mark.parametrize(("effect", "clause"), KINDS.values(), ids=KINDS)


@deciders
@kinds
@pytest.mark.parametrize("condition", FAILING.values(), ids=FAILING)
def test_a_condition_that_fails_denies(
    decide: Decide, where: EntityRef, effect: str, clause: str, condition: str
) -> None:
    assert not decide(world(effect, clause, condition), where)


@deciders
@kinds
def test_it_is_the_failure_that_denies(
    decide: Decide, where: EntityRef, effect: str, clause: str
) -> None:
    harmless = (effect == "permit") == (clause == "when")
    condition = "principal has name" if harmless else "principal has nothing"
    assert decide(world(effect, clause, condition), where)


def test_cedar_alone_would_pass_over_a_forbid_that_fails() -> None:
    records = world("forbid", "when", "principal.team == 'shop'")
    engine = PolicyEngine.from_records(records, {})
    text = "\n".join(statement.cedar for statement in engine.statements)
    placed = engine.place(question(PAYMENT))
    found = engine.evaluate(placed, cedar.parse_policies(text))
    assert found.allowed
    assert found.errors


@kinds
def test_a_node_denies_where_a_condition_fails(
    tmp_path: Path, effect: str, clause: str
) -> None:
    node = enrolled_node(tmp_path, ReleaseSimulator())

    def decide(condition: str) -> Decision:
        node.portal.publish(world(effect, clause, condition))
        state = node.state()
        state.accept(node.portal.envelope())
        return state.decide(question(PAYMENT), state.active)

    harmless = (effect == "permit") == (clause == "when")
    assert decide("principal has name" if harmless else "principal has x").allowed
    for condition in FAILING.values():
        decision = decide(condition)
        assert (decision.allowed, decision.reason) == (False, "evaluation_error")


@kinds
def test_a_replay_sees_that_a_failure_takes_a_right_away(
    effect: str, clause: str
) -> None:
    harmless = (effect == "permit") == (clause == "when")
    before = world(effect, clause, str(harmless).lower())
    after = world(effect, clause, "principal.team == 'shop'")
    found = Replay((before, {}), (after, {})).run(
        [Logged(CHECKOUT, "GET", PAYMENT, NOON, allowed=True, count=1)]
    )
    assert found.counts[Fate.ALLOW_TO_DENY] == 1
