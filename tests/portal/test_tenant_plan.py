"""A tenant as a file: written in one form, planned, applied, and the same in a copy."""

from __future__ import annotations

import hashlib
import json
import uuid
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.accounts.services import actor_for
from apps.approvals.models import ApprovalRequest
from apps.audit.events import Actor
from apps.audit.models import AuditEntry
from apps.core.errors import ChangedMeanwhileError
from apps.policies import selectors as policies
from apps.policies import services as policy_services
from apps.roles.models import Role
from apps.signin.rules.operations import Operation
from apps.simulation.selectors import live_records
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from portal.tenant_file import TenantFileError, load_tenant
from portal.tenant_file.planning import apply_file, plan_file
from portal.tenant_file.reading import read_text
from portal.tenant_file.writing import (
    Side,
    content_digest,
    tenant_content,
    tenant_yaml,
)
from protocol.canonical import canonical_bytes
from protocol.records import AssignmentRecord, PolicyRecord, Record
from tests.factories.approvals import People
from tests.factories.clients import token_of
from tests.portal.test_tenant_file import SMALL, write
from tests.signin.conftest import Visitor, alice, visitor_for
from tests.signin.test_api import Program, confirmed

__all__ = ["alice", "visitor_for"]
pytestmark = pytest.mark.django_db
ACTOR = Actor.command("tests")
DEMO = Path(__file__).resolve().parents[2] / "demo"
FILE = "/api/v1/tenant-file"


def loaded(folder: Path, text: str) -> Tenant:
    return load_tenant(actor=ACTOR, path=write(folder, text)).tenant


def approve_all() -> None:
    """Freeze what is open, as an approved request does."""
    for draft in policies.open_drafts():
        policy_services.freeze_version(
            actor=ACTOR,
            draft_id=draft.pk,
            expected_digest=draft.digest,
            request_id=uuid.uuid4(),
        )


def written(tenant: Tenant, side: Side = Side.LIVE) -> str:
    with tenant_scope(tenant.pk):
        return tenant_yaml(tenant_content(side))


def in_force(tenant: Tenant) -> list[bytes]:
    """Return what nodes are told, without what names when and by whom it came about."""
    with tenant_scope(tenant.pk):
        return sorted(canonical_bytes(anonymous(record)) for record in live_records())


def anonymous(record: Record) -> dict[str, Any]:
    found = record.to_dict()
    match record:
        case PolicyRecord():
            return found | {"change": "", "version": 0}
        case AssignmentRecord():
            return found | {"id": ""}
        case _:
            return found


@pytest.mark.parametrize("name", ["acme", "globex"])
def test_a_copy_that_is_made_from_the_export_is_the_same_in_every_record(
    tmp_path: Path, name: str
) -> None:
    tenant = load_tenant(actor=ACTOR, path=DEMO / f"{name}.yaml").tenant
    with tenant_scope(tenant.pk):
        approve_all()
    text = written(tenant)
    copy = loaded(tmp_path, f"tenant: {{slug: copy, name: Copy}}\n{text}")
    with tenant_scope(copy.pk):
        approve_all()
    assert written(copy) == text
    assert in_force(copy) == in_force(tenant)


def test_what_was_exported_plans_to_nothing(tmp_path: Path) -> None:
    tenant = loaded(tmp_path, SMALL)
    text = written(tenant, Side.DRAFT)
    with tenant_scope(tenant.pk):
        plan = plan_file(actor=ACTOR, text=text)
    assert (plan.changes, plan.unmanaged, plan.asked) == ((), (), ())
    assert plan.before == plan.after == content_digest(yaml_content(text))


def yaml_content(text: str) -> Any:
    return yaml.safe_load(text)


def test_a_plan_names_the_fields_and_writes_nothing(tmp_path: Path) -> None:
    tenant = loaded(tmp_path, SMALL)
    with tenant_scope(tenant.pk):
        before = AuditEntry.objects.count()
        plan = plan_file(
            actor=ACTOR,
            text="roles: [{slug: crew, name: Crews, tier: operator, "
            "permissions: {Node: [restart]}}]",
        )
        assert Role.objects.get(slug="crew").name == "Crew"
    (change,) = plan.changes
    assert (change.section, change.name, change.kind) == ("roles", "crew", "changed")
    assert change.fields == (("name", "Crew", "Crews"),)
    assert plan.unmanaged == (("roles", "lead"),)
    with tenant_scope(tenant.pk):
        assert AuditEntry.objects.count() == before


def test_a_plan_refuses_what_applying_would_refuse(tmp_path: Path) -> None:
    tenant = loaded(tmp_path, SMALL)
    with tenant_scope(tenant.pk), pytest.raises(TenantFileError) as refused:
        plan_file(
            actor=ACTOR,
            text="roles: [{slug: crew, name: Crew, tier: operator, parents: [none]}]",
        )
    assert refused.value.field.startswith("roles[0]")


def test_a_file_applies_only_to_what_it_was_planned_for(tmp_path: Path) -> None:
    tenant = loaded(tmp_path, SMALL)
    text = "windows: [{slug: nights, name: Nights, zone: UTC, weekdays: [mon], "
    text += "start: 22:00, end: 23:00}]"
    with tenant_scope(tenant.pk):
        plan = plan_file(actor=ACTOR, text=text)
        apply_file(actor=ACTOR, text=text, planned=plan.before)
        with pytest.raises(ChangedMeanwhileError):
            apply_file(actor=ACTOR, text=text, planned=plan.before)
        assert plan_file(actor=ACTOR, text=text).changes == ()


def test_a_file_of_another_tenant_is_refused(tmp_path: Path) -> None:
    tenant = loaded(tmp_path, SMALL)
    with tenant_scope(tenant.pk), pytest.raises(TenantFileError, match="is about"):
        plan_file(actor=ACTOR, text="tenant: {slug: other, name: Other}")


def test_people_are_not_made_by_a_file_that_is_applied(tmp_path: Path) -> None:
    tenant = loaded(tmp_path, SMALL)
    text = "users: [{username: eve, display_name: Eve, roles: [security_admin]}]"
    with tenant_scope(tenant.pk), pytest.raises(TenantFileError, match="People"):
        plan_file(actor=ACTOR, text=text)


def test_a_role_that_a_file_gives_is_asked_for(
    tenant: Tenant, alice: Visitor, tmp_path: Path
) -> None:
    actor = actor_for(alice.user)
    with tenant_scope(tenant.pk):
        People(tenant, tmp_path)("carol", "approver")
    text = (
        SMALL.split("policies:")[0]
        .replace("tenant: {slug: tiny, name: Tiny}", "")
        .replace(", roles: [lead]", "")
    )
    with tenant_scope(tenant.pk):
        plan = plan_file(actor=ACTOR, text=text)
        apply_file(actor=ACTOR, text=text, planned=plan.before)
        asking = text + "\nassignments: [{principal: 'User::ann', role: crew}]\n"
        plan = plan_file(actor=actor, text=asking)
        assert plan.changes == ()
        assert plan.asked == ("Crew for ann",)
        assert not ApprovalRequest.objects.exists()
        applied = apply_file(actor=actor, text=asking, planned=plan.before)
        (request,) = ApprovalRequest.objects.all()
        assert applied.request_ids == [str(request.pk)]
        assert not [r for r in live_records() if isinstance(r, AssignmentRecord)]


NAMES = st.text(
    st.characters(categories=("L", "N", "P", "Zs")), min_size=1, max_size=30
).filter(lambda text: text.strip() == text)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    content=st.dictionaries(
        st.sampled_from(["windows", "roles"]),
        st.lists(
            st.dictionaries(
                st.sampled_from(["slug", "name", "start"]),
                NAMES | st.sampled_from(["NO", "08:00", "1e3", "~", "2026-01-01"]),
            ),
            min_size=1,
            max_size=3,
        ),
    )
)
def test_every_text_is_read_as_it_was_written(content: Any) -> None:
    assert read_text(tenant_yaml(content)).value == content or not content


def test_a_tenant_goes_out_and_in_over_rest(tenant: Tenant, alice: Visitor) -> None:
    program = Program(token_of(tenant, alice.user))
    empty = program.client.get(FILE).json()
    text = "roles: [{slug: crew, name: Crew, tier: operator}]"
    planned = program.client.post(
        f"{FILE}/plan", json.dumps({"text": text}), content_type="application/json"
    ).json()
    assert planned["before"] == empty["digest"]
    assert [one["name"] for one in planned["changes"]] == ["crew"]
    body = json.dumps({"text": text, "planned": planned["before"]})
    refused = program.client.post(
        f"{FILE}/apply", body, content_type="application/json"
    )
    assert refused.status_code == 401
    proof = confirmed(
        program,
        alice,
        operation=Operation.CHANGE_ACCESS.value,
        method="POST",
        path=f"{FILE}/apply",
        body_digest=hashlib.sha256(body.encode()).hexdigest(),
    )
    applied = program.client.post(
        f"{FILE}/apply",
        body,
        content_type="application/json",
        headers={"Operation-Token": proof},
    )
    assert applied.json()["after"] == planned["after"]
    assert program.client.get(FILE).json()["digest"] == planned["after"]
