"""Tenants described in YAML: what loads, and what is refused with nothing changed."""

from __future__ import annotations

import datetime as dt
import io
import json
import time
import uuid
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from apps.audit.events import Actor
from apps.audit.models import AuditEntry
from apps.policies import selectors as policies
from apps.policies import services as policy_services
from apps.roles import selectors as roles
from apps.scopes import selectors as scopes
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from engine.decide import PolicyEngine, Request
from portal.tenant_file import TenantFileError, load_tenant
from portal.tenant_file.reading import read_file, read_text
from portal.tenant_file.specs import samples
from protocol.records import WindowRecord, parse_record
from protocol.zones import zone_transitions

DEMO = Path(__file__).resolve().parents[2] / "demo"
ACTOR = Actor.command("tests")
SMALL = """
tenant: {slug: tiny, name: Tiny}
windows:
  - {slug: hours, name: Hours, zone: Europe/Berlin, weekdays: [mon],
     start: 08:00, end: 18:00}
locations:
  - {slug: office, name: Office, cidrs: [10.0.0.0/8], countries: [NO]}
resource_types:
  - {name: Node, actions: [{name: restart, tier: operator}]}
attributes:
  - {entity_type: User, name: level, type: long}
roles:
  - {slug: lead, name: Lead, tier: operator, parents: [crew]}
  - {slug: crew, name: Crew, tier: operator, permissions: {Node: [restart]}}
resources:
  - {type: Node, key: n1}
principals:
  - {type: User, key: ann, attributes: {level: 1}, roles: [lead]}
policies:
  - slug: crew-restarts
    name: Crew restarts
    effect: permit
    tier: operator
    owner: Crew
    principals: [{type: Role, id: crew}]
    actions: [restart]
    windows: [hours]
    locations: [office]
    conditions: [{attribute: principal.level, op: ">=", value: 1}]
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "tenant.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.django_db
def test_a_small_file_loads_whatever_the_order_of_roles(tmp_path: Path) -> None:
    loaded = load_tenant(actor=ACTOR, path=write(tmp_path, SMALL))
    with tenant_scope(loaded.tenant.pk):
        assert [d.policy.slug for d in policies.open_drafts()] == ["crew-restarts"]
        assert scopes.locations().get().countries == ["NO"]
        assert roles.role_graph()["lead"].parents == ("crew",)


@pytest.mark.django_db
def test_loading_twice_writes_nothing_the_second_time(tmp_path: Path) -> None:
    path = write(tmp_path, SMALL)
    loaded = load_tenant(actor=ACTOR, path=path)
    with tenant_scope(loaded.tenant.pk):
        before = AuditEntry.objects.count()
    load_tenant(actor=ACTOR, path=path)
    with tenant_scope(loaded.tenant.pk):
        assert AuditEntry.objects.count() == before


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("old", "new", "code", "field"),
    [
        ("tenant: {slug", "tenant: {{slug", "tenant_file.malformed", "line 3"),
        ("zone: Europe", "zone: UTC, zone: Europe", "tenant_file.malformed", "line 4"),
        ("roles:\n", "rolls:\n", "tenant_file.unknown_field", "rolls"),
        ("key: n1", "kee: n1", "tenant_file.unknown_field", "resources[0].kee"),
        ("[mon]", "[moonday]", "tenant_file.weekday", "windows[0].weekdays"),
        ("Europe/Berlin", "Mars/Base", "scopes.unknown_zone", "windows[0].zone"),
        ("end: 18:00", "end: 07:00", "scopes.end_before_start", "windows[0].end"),
        ("end: 18:00", "end: 08:00", "scopes.window_empty", "windows[0].end"),
        ("10.0.0.0/8", "10.0.0.0/99", "scopes.invalid_cidr", "locations[0].cidrs"),
        ("[NO]", "[XX]", "scopes.unknown_country", "locations[0].countries"),
        ("{Node: [restart]}", "{Node: [fly]}", "roles.unknown_permission", "roles[1]"),
        ("[crew]}", "[ghost]}", "roles.unknown_role", "roles[0].parents"),
        (
            "{Node: [restart]}}",
            "{Node: [restart]}, parents: [lead]}",
            "roles.cycle",
            "roles[1].parents",
        ),
        (
            "level: 1}",
            "mood: 1}",
            "roles.unknown_attribute",
            "principals[0].attributes",
        ),
        ("level: 1}", "level: x}", "roles.attribute_type", "principals[0].attributes"),
        ("[lead]", "[ghost]", "roles.unknown_role", "principals[0].roles"),
        ("id: crew", "id: ghost", "policies.unknown_role", "policies[0].principals[0]"),
        ("[hours]", "[never]", "policies.unknown_window", "policies[0].windows[0]"),
        ("[office]", "[moon]", "policies.unknown_location", "policies[0].locations[0]"),
        (
            "principal.level",
            "principal.mood",
            "policies.unknown_attribute",
            "policies[0].conditions[0].attribute",
        ),
        (
            "value: 1}",
            "value: one}",
            "policies.wrong_value",
            "policies[0].conditions[0]",
        ),
    ],
)
def test_a_file_is_refused_for_one_thing_and_nothing_changes(
    tmp_path: Path, old: str, new: str, code: str, field: str
) -> None:
    assert SMALL.count(old) >= 1
    path = write(tmp_path, SMALL.replace(old, new, 1))
    with pytest.raises(TenantFileError) as refusal:
        load_tenant(actor=ACTOR, path=path)
    assert refusal.value.code == code
    assert refusal.value.field.startswith(field)
    assert refusal.value.message
    assert refusal.value.remedy
    assert not Tenant.objects.exists()


@pytest.mark.parametrize(
    "text",
    ["a: &x [1]\nb: *x", "- 1", "", "1: 2", "tenant: !!python/object:os.system {}"],
)
def test_surprising_yaml_is_refused(text: str) -> None:
    with pytest.raises(TenantFileError):
        read_text(text)


@pytest.mark.django_db
def test_the_command_prints_where_and_why_and_fails(tmp_path: Path) -> None:
    path = write(tmp_path, SMALL.replace("Europe/Berlin", "Mars/Base"))
    out = io.StringIO()
    with pytest.raises(CommandError, match=r"windows\[0\].zone: There is no time zone"):
        call_command("load_tenant", str(path), "--json", stdout=out)
    assert json.loads(out.getvalue())["errors"][0]["code"] == "scopes.unknown_zone"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "policy_count", "principal_count"),
    [("acme", 25, 40), ("globex", 5, 5)],
)
def test_the_demo_loads_and_decides_as_its_samples_say(
    name: str, policy_count: int, principal_count: int
) -> None:
    path = DEMO / f"{name}.yaml"
    started = time.monotonic()
    loaded = load_tenant(actor=ACTOR, path=path)
    assert time.monotonic() - started < 60
    assert loaded.counts["policies"] >= policy_count
    assert loaded.counts["principals"] >= principal_count
    with tenant_scope(loaded.tenant.pk):
        for draft in policies.open_drafts():
            policy_services.freeze_version(
                actor=ACTOR,
                draft_id=draft.pk,
                expected_digest=draft.digest,
                request_id=uuid.uuid4(),
            )
        records = [
            *policies.live_records(),
            *roles.live_records(),
            *scopes.live_records(),
        ]
    assert [parse_record(record.to_dict()) for record in records] == records
    zones = {r.zone for r in records if isinstance(r, WindowRecord)}
    engine = PolicyEngine.from_records(
        records, {zone: zone_transitions(zone, 1_763_000_000) for zone in zones}
    )
    questions = samples(read_file(path))
    assert any(sample.at for sample in questions)
    for sample in questions:
        moments = [sample.at] if sample.at else _moments()
        for now in moments:
            decision = engine.decide(
                Request(
                    principal=sample.principal,
                    action=sample.action,
                    resource=sample.resource,
                    context=sample.context,
                    now=now,
                )
            )
            assert decision.allowed is sample.is_permitted, (sample, decision)
            assert decision.errors == ()


def _moments() -> list[dt.datetime]:
    start = dt.datetime(2026, 11, 21, tzinfo=dt.UTC)
    return [start + dt.timedelta(hours=11 * n) for n in range(40)]
