"""What Istio and Kubernetes get of a release, and what they do not."""

from __future__ import annotations

import importlib
from dataclasses import replace
from typing import Any

import pytest
from kubernetes_validate.utils import validate

from engine.cedar import condition_text
from engine.exports.istio import export_istio
from engine.exports.kubernetes import MAPPING, export_kubernetes
from engine.exports.targets import Exported, name_of
from engine.places import location_condition
from protocol.records import (
    AssignmentRecord,
    EntityRef,
    Head,
    LocationRecord,
    Obligation,
    PolicyRecord,
    Record,
    SeparationRecord,
)
from tests.engine.builders import policy, principal, resource, role
from tests.engine.worlds import MORNINGS

CHECKOUT = EntityRef("Service", "spiffe://acme.example/ns/shop/sa/checkout")
MAILER = EntityRef("Service", "spiffe://acme.example/ns/shop/sa/mailer")
PAYMENT = EntityRef("Endpoint", "payment-service")
SHOP = EntityRef("Namespace", "shop")
ALICE = EntityRef("User", "alice")
OFFICE = LocationRecord("office", "Office", ("10.0.0.0/8",))
POST, PAY = Head("==", id="POST"), Head("==", "Endpoint", "payment-service")
CHARGE = condition_text("path", "==", "/process-payment")
WORLD: list[Record] = [
    principal(CHECKOUT),
    principal(MAILER),
    principal(ALICE, team="shop"),
    resource(PAYMENT, namespace="payments"),
    resource(SHOP),
    MORNINGS,
    role("reader"),
    role("lead", "reader"),
]
READS = Head("==", id="read")
READERS = Head("in", "Role", "reader")


def calls(ident: str = "calls", **more: Any) -> PolicyRecord:
    given: dict[str, Any] = {
        "principal": Head("==", "Service", CHECKOUT.id),
        "action": POST,
        "resource": PAY,
    }
    return policy(ident, **(given | more))


def istio(*records: Record) -> tuple[Exported, dict[str, list[dict[str, Any]]]]:
    found = export_istio([*WORLD, *records])
    rules = {m["spec"]["action"]: m["spec"].get("rules", []) for m in found.manifests}
    return found, rules


def kubernetes(*records: Record) -> tuple[Exported, dict[str, list[str]]]:
    found = export_kubernetes([*WORLD, *records], tenant="acme")
    bound = {
        m["metadata"]["name"]: [one["name"] for one in m["subjects"]]
        for m in found.manifests
        if m["kind"] == "RoleBinding"
    }
    return found, bound


def holds(ident: str, who: EntityRef, role_id: str, **more: Any) -> AssignmentRecord:
    return AssignmentRecord(ident, who, role_id, **more)


def test_a_permit_for_a_service_allows_its_method_and_path_alone() -> None:
    found, rules = istio(calls(when=(CHARGE,)))
    assert found.unsupported == ()
    assert rules == {
        "ALLOW": [
            {
                "from": [
                    {"source": {"principals": ["acme.example/ns/shop/sa/checkout"]}}
                ],
                "to": [
                    {"operation": {"methods": ["POST"], "paths": ["/process-payment"]}}
                ],
            }
        ]
    }


def test_an_endpoint_without_a_permit_lets_nobody_in() -> None:
    found, rules = istio()
    assert rules == {"ALLOW": []}
    assert "rules" not in found.manifests[0]["spec"]


def test_a_forbid_becomes_a_policy_that_denies() -> None:
    _, rules = istio(calls(effect="forbid", principal=Head(), action=Head()))
    assert rules["DENY"] == [{}]


def test_a_range_of_addresses_is_where_a_request_comes_from() -> None:
    place = location_condition(OFFICE, unknown_matches=False)
    _, rules = istio(calls(when=(place,)))
    (rule,) = rules["ALLOW"]
    assert rule["from"][0]["source"]["remoteIpBlocks"] == ["10.0.0.0/8"]


@pytest.mark.parametrize(
    ("condition", "reason"),
    [
        (condition_text("mfa", ">=", 1), "mfa is not known there"),
        (condition_text("country", "==", "DE"), "country is not known there"),
        ('context.t["Europe/Berlin"].wd == 1', "depends on the time"),
        (condition_text("path", "==", "/a*"), "“/a*” means something else to Istio"),
    ],
)
def test_a_permit_that_a_mesh_cannot_judge_allows_nothing(
    condition: str, reason: str
) -> None:
    found, rules = istio(calls(when=(condition,)))
    assert rules == {"ALLOW": []}
    assert [one.reason for one in found.unsupported] == [reason]
    assert (found.statements, found.covered) == (1, 0)


@pytest.mark.parametrize(
    "condition",
    [
        condition_text("mfa", "<", 1, unknown_matches=True),
        'context.t["Europe/Berlin"].wd == 1',
        condition_text("path", "starts_with", "/a*", unknown_matches=True),
        "context.risk > 1",
    ],
)
def test_a_forbid_that_a_mesh_cannot_judge_always_denies(condition: str) -> None:
    found, rules = istio(calls(), calls("no", effect="forbid", when=(condition,)))
    source = {"principals": ["acme.example/ns/shop/sa/checkout"]}
    assert rules["DENY"] == [
        {"from": [{"source": source}], "to": [{"operation": {"methods": ["POST"]}}]}
    ]
    assert found.unsupported


def test_a_permit_whose_condition_fails_denies() -> None:
    _, rules = istio(calls(), calls("odd", when=("context.risk > 1",)))
    assert rules["DENY"]


def test_attributes_are_those_of_the_release() -> None:
    mine = '(resource has namespace && resource.namespace == "payments")'
    assert istio(calls(when=(mine,)))[1]["ALLOW"]
    other = '(resource has namespace && resource.namespace == "shop")'
    assert not istio(calls(when=(other,)))[1]["ALLOW"]


def test_services_that_hold_a_role_for_good_are_let_in() -> None:
    late = "2027-01-01T00:00:00Z"
    found, rules = istio(
        calls(principal=READERS),
        holds("a", CHECKOUT, "lead"),
        holds("b", MAILER, "reader", end=late),
    )
    (rule,) = rules["ALLOW"]
    assert rule["from"][0]["source"]["principals"] == [
        "acme.example/ns/shop/sa/checkout"
    ]
    assert "for a time" in found.unsupported[0].reason


def test_an_endpoint_without_a_namespace_is_listed() -> None:
    found = export_istio([principal(CHECKOUT), resource(PAYMENT), calls()])
    assert found.manifests == ()
    assert "namespace" in found.unsupported[0].reason


def test_obligations_and_intervals_allow_nothing_in_manifests() -> None:
    limited = replace(calls(), effective_until="2027-01-01T00:00:00Z")
    obliged = replace(calls("x"), obligations=(Obligation("mfa", level=1),))
    assert istio(limited)[1] == {"ALLOW": []}
    assert istio(limited, obliged)[1]["ALLOW"] == []
    reads = policy("r", action=READS, resource=Head("is", "Namespace"))
    limited = replace(reads, effective_from="2026-01-01T00:00:00Z")
    assert kubernetes(limited)[1] == {}


def test_a_permit_for_a_role_binds_those_who_hold_it_for_good() -> None:
    rule = policy(
        "r", principal=READERS, action=READS, resource=Head("is", "Namespace")
    )
    late = "2027-01-01T00:00:00Z"
    found, bound = kubernetes(
        rule,
        holds("a", ALICE, "lead"),
        holds("b", CHECKOUT, "reader"),
        holds("c", MAILER, "reader", end=late),
    )
    assert bound == {"portward.reader.read": ["checkout", "alice"]}
    assert [one.statement for one in found.unsupported] == ["assignment c", "r#0"]


def test_who_may_be_kept_from_a_role_gets_no_binding() -> None:
    rule = policy(
        "r", principal=READERS, action=READS, resource=Head("is", "Namespace")
    )
    apart = SeparationRecord("s", "S", "static", ("lead", "reader"), 1)
    assert kubernetes(rule, holds("a", ALICE, "lead"), apart)[1] == {}


@pytest.mark.parametrize(
    "condition", [condition_text("mfa", ">=", 1), "context.risk > 1"]
)
def test_a_permit_with_conditions_grants_nothing(condition: str) -> None:
    rule = policy(
        "r", action=READS, resource=Head("is", "Namespace"), when=(condition,)
    )
    assert kubernetes(rule)[1] == {}


def test_what_a_forbid_may_stop_is_not_granted() -> None:
    rule = policy("r", action=READS, resource=Head("is", "Namespace"))
    shut = policy(
        "f",
        effect="forbid",
        principal=Head("==", "User", "alice"),
        when=(condition_text("risk", ">", 50, unknown_matches=True),),
    )
    found, bound = kubernetes(rule, shut)
    assert bound == {"portward.r.read": ["checkout", "mailer"]}
    assert "f" in {one.policy for one in found.unsupported}


def test_only_the_own_tenant_reaches_a_namespace() -> None:
    found, _ = kubernetes()
    (network,) = [m for m in found.manifests if m["kind"] == "NetworkPolicy"]
    (rule,) = network["spec"]["ingress"]
    selector = {"matchLabels": {"portward.io/tenant": "acme"}}
    assert rule == {"from": [{"namespaceSelector": selector}]}


def test_names_of_different_things_differ() -> None:
    assert name_of("a-b", "c") != name_of("a", "b-c")
    assert name_of("A", "b") != name_of("a", "b")
    assert len(name_of("x" * 300)) < 64


def test_where_a_range_must_not_be_stays_outside() -> None:
    place = f"!({location_condition(OFFICE, unknown_matches=False)})"
    found, rules = istio(calls(when=(place,)))
    (rule,) = rules["ALLOW"]
    assert rule["from"][0]["source"]["notRemoteIpBlocks"] == ["10.0.0.0/8"]
    assert found.unsupported == ()


def test_a_role_held_at_another_endpoint_lets_nobody_in_here() -> None:
    other = EntityRef("Endpoint", "mail")
    rule = calls(principal=READERS, resource=Head("is", "Endpoint"))
    found, _ = istio(
        resource(other, namespace="payments"),
        rule,
        holds("a", CHECKOUT, "reader", scope=other),
    )
    open_to = {
        manifest["metadata"]["name"]: "rules" in manifest["spec"]
        for manifest in found.manifests
    }
    assert open_to == {
        "portward.allow.payment-service": False,
        "portward.allow.mail": True,
    }
    assert found.unsupported == ()


def test_endpoints_of_the_same_workload_permit_nothing() -> None:
    twin = EntityRef("Endpoint", "twin")
    found, rules = istio(
        resource(twin, namespace="payments", app="payment-service"), calls()
    )
    assert rules == {"ALLOW": []}
    assert [one.reason for one in found.unsupported] == [
        "Endpoint payment-service and twin are the same workload"
    ]


@pytest.mark.parametrize("app", ["no label", "", 7, "x" * 64])
def test_an_endpoint_without_a_proper_label_has_no_policy(app: object) -> None:
    odd = resource(PAYMENT, namespace="payments", app=app)
    found = export_istio([principal(CHECKOUT), odd, calls()])
    assert found.manifests == ()
    assert "is no label of a workload" in found.unsupported[0].reason


def test_a_forbid_that_asks_whether_something_is_known_is_listed() -> None:
    risky = condition_text("risk", ">", 50)
    found, rules = istio(calls(), calls("no", effect="forbid", when=(risky,)))
    assert set(rules) == {"ALLOW"}
    (one,) = found.unsupported
    assert (one.policy, one.reason) == ("no", "risk is not known there")
    assert "forbids nothing there" in one.instead


@pytest.mark.parametrize("who", [Head("==", "User", "alice"), Head("is", "User")])
def test_a_forbid_for_people_is_listed(who: Head) -> None:
    found, rules = istio(calls(), calls("no", effect="forbid", principal=who))
    assert set(rules) == {"ALLOW"}
    assert [one.policy for one in found.unsupported] == ["no"]


def test_the_obligations_of_a_forbid_are_listed() -> None:
    shut = replace(calls("no", effect="forbid"), obligations=(Obligation("notify"),))
    found, rules = istio(shut)
    assert rules["DENY"]
    assert [one.reason for one in found.unsupported] == ["asks for obligations"]


def test_a_permit_with_obligations_denies_who_may_not_meet_them() -> None:
    obliged = replace(calls("asks"), obligations=(Obligation("mfa", level=2),))
    source = {"principals": ["acme.example/ns/shop/sa/checkout"]}
    _, rules = istio(calls(), obliged)
    assert rules["DENY"] == [
        {"from": [{"source": source}], "to": [{"operation": {"methods": ["POST"]}}]}
    ]
    reads = policy("r", action=READS, resource=Head("is", "Namespace"))
    obliged = replace(reads, id="x", statements=policy("x").statements)
    obliged = replace(obliged, obligations=(Obligation("mfa", level=2),))
    assert kubernetes(reads)[1]
    assert kubernetes(reads, obliged)[1] == {}


def test_where_an_error_cannot_be_said_more_is_denied() -> None:
    odd = 'context.path like "/p*y" && context.risk > 1'
    _, rules = istio(calls(), calls("odd", when=(odd,)))
    assert rules["DENY"]


def test_more_rules_than_a_mesh_takes_are_listed() -> None:
    many = [
        calls(f"c{n}", when=(condition_text("path", "==", f"/{n}"),))
        for n in range(401)
    ]
    found, rules = istio(*many)
    assert rules == {"ALLOW": []}
    assert (found.covered, len(found.unsupported)) == (0, 401)


def test_a_statement_whose_id_occurs_twice_allows_nothing() -> None:
    again = replace(calls(), id="other")
    found, _ = istio(calls(), again)
    assert found.covered == 0
    assert found.unsupported


def test_statements_about_other_things_are_elsewhere() -> None:
    found, _ = istio(calls(), policy("n", resource=Head("is", "Node")))
    assert found.elsewhere == ("n#0",)
    assert (found.statements, found.covered) == (1, 1)


def test_who_must_not_restart_gets_nothing_that_deploying_needs() -> None:
    who = Head("==", "User", "alice")
    spaces = Head("is", "Namespace")
    deploys = policy(
        "d", principal=who, action=Head("==", id="deploy"), resource=spaces
    )
    shut = policy(
        "s",
        effect="forbid",
        principal=who,
        action=Head("==", id="restart"),
        resource=spaces,
    )
    assert kubernetes(deploys)[1] == {"portward.d.deploy": ["alice"]}
    assert kubernetes(deploys, shut)[1] == {}


def test_services_that_a_cluster_cannot_tell_apart_get_nothing() -> None:
    partner = EntityRef("Service", CHECKOUT.id.replace("acme.", "partner."))
    rule = policy(
        "r",
        principal=Head("==", "Service", CHECKOUT.id),
        action=READS,
        resource=Head("is", "Namespace"),
    )
    assert kubernetes(rule)[1] == {"portward.r.read": ["checkout"]}
    found, bound = kubernetes(rule, principal(partner))
    assert bound == {}
    assert "no name of its own" in found.unsupported[0].reason


def test_nobody_becomes_a_part_of_the_cluster_by_a_name() -> None:
    rule = policy(
        "r",
        principal=Head("==", "User", "system:anonymous"),
        action=READS,
        resource=Head("is", "Namespace"),
    )
    assert kubernetes(rule)[1] == {}


def test_a_forbid_on_what_a_cluster_does_not_know_stops_the_right() -> None:
    who = Head("==", "User", "alice")
    rule = policy("r", principal=who, action=READS, resource=Head("is", "Namespace"))
    risky = policy("f", effect="forbid", when=(condition_text("risk", ">", 50),))
    found, bound = kubernetes(rule, risky)
    assert bound == {}
    assert "f" in {one.policy for one in found.unsupported}


def everything() -> list[Record]:
    actions = Head("in", ids=tuple(MAPPING))
    return [
        policy(
            "r", principal=READERS, action=actions, resource=Head("is", "Namespace")
        ),
        calls(when=(CHARGE, location_condition(OFFICE, unknown_matches=False))),
        calls("no", effect="forbid", when=(condition_text("path", "!=", "/x"),)),
        holds("a", ALICE, "lead"),
        holds("b", CHECKOUT, "reader"),
    ]


def test_manifests_keep_to_the_schemas_of_kubernetes() -> None:
    found, bound = kubernetes(*everything())
    assert len(bound) == len(MAPPING)
    for manifest in found.manifests:
        validate(manifest, "1.32", strict=True)


def test_policies_keep_to_the_schema_of_istio() -> None:
    models = importlib.import_module("cloudcoil.models.istio.security.v1")
    found, rules = istio(*everything())
    assert set(rules) == {"ALLOW", "DENY"}
    for manifest in found.manifests:
        again = models.AuthorizationPolicy.model_validate(manifest)
        dumped = again.model_dump(by_alias=True, exclude_none=True, mode="json")
        assert dumped["spec"] == manifest["spec"]


def test_the_order_of_records_does_not_matter() -> None:
    records = [*WORLD, *everything()]
    assert export_istio(records) == export_istio(records[::-1])
    assert export_kubernetes(records, tenant="a") == export_kubernetes(
        records[::-1], tenant="a"
    )
