"""Sets of changes that several touch at the same instant, and what breaks one."""

from __future__ import annotations

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.accounts.services import actor_for
from apps.approvals import services
from apps.approvals.choices import (
    ChangeSetState,
    ItemKind,
    RequestKind,
    RequestState,
)
from apps.approvals.models import ApprovalRequest, ChangeSet
from apps.audit.events import Actor
from apps.core.errors import ConflictError, PortwardError
from apps.policies.models import PolicyVersion
from apps.roles import services as roles
from apps.roles.models import Role
from apps.roles.rules import RoleSpec
from apps.scopes import services as scopes
from apps.scopes.models import Location, TimeWindow
from apps.scopes.rules import LocationSpec, WindowSpec
from apps.simulation.selectors import live_records
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from protocol.fingerprint import state_digest
from tests.approvals.test_concurrency import at_once, send
from tests.factories.access import build_access
from tests.factories.approvals import People, prove
from tests.factories.changes import (
    NIGHT,
    make_full_set,
    put,
)

pytestmark = pytest.mark.django_db(transaction=True)
COMMAND = Actor.command("tests")
DAYS = NIGHT | {"slug": "office-hours", "name": "Office hours"}


@pytest.fixture
def waiting(tenant: Tenant, people: People) -> ApprovalRequest:
    """Return the request of a set that two have to approve, with evidence."""
    with tenant_scope(tenant.pk):
        build_access()
        services.set_flow(actor=COMMAND, kind=RequestKind.CHANGE, quorum=2)
        for name in ("anna", "ben"):
            people(name)
        ada = people("ada", "security_admin").user
        row = make_full_set(ada)
        put(ada, row, ItemKind.WINDOW, DAYS)
        request = services.submit_change_set(actor=actor_for(ada), set_id=row.pk)
    with tenant_scope(tenant.pk):
        prove(request)
    return request


def counted(tenant: Tenant) -> tuple[str, str, int, int]:
    """Return how the request and its set stand, and how much was carried out."""
    with tenant_scope(tenant.pk):
        return (
            ApprovalRequest.objects.get().state,
            ChangeSet.objects.get().state,
            PolicyVersion.objects.count(),
            TimeWindow.objects.filter(slug="night-shift").count(),
        )


def test_two_approvers_at_the_same_instant_carry_a_set_out_once(
    waiting: ApprovalRequest, people: People, tenant: Tenant
) -> None:
    pair = [people("anna"), people("ben")]
    with tenant_scope(tenant.pk):
        signed = [person.sign(waiting) for person in pair]
    failures = at_once(
        *(
            lambda p=p, s=s: send(waiting, p, s)
            for p, s in zip(pair, signed, strict=True)
        )
    )
    assert failures == []
    assert counted(tenant) == (RequestState.APPROVED, ChangeSetState.CARRIED_OUT, 1, 1)


def test_an_edit_beside_the_last_vote_comes_before_it_or_after_it_never_between(
    waiting: ApprovalRequest, people: People, tenant: Tenant
) -> None:
    with tenant_scope(tenant.pk):
        people("anna").vote(waiting)
        signed = people("ben").sign(waiting)
        window = TimeWindow.objects.get(slug="office-hours").pk

    def edit() -> None:
        with tenant_scope(tenant.pk), transaction.atomic():
            scopes.save_window(
                actor=COMMAND,
                spec=WindowSpec("office-hours", "Our hours", "Europe/Berlin"),
                window_id=window,
            )

    failures = at_once(edit, lambda: send(waiting, people("ben"), signed))
    assert all(isinstance(failure, ConflictError) for failure in failures)
    state, of_set, versions, windows = counted(tenant)
    if failures:
        assert (state, of_set, versions, windows) == ("open", "open", 0, 0)
    else:
        assert (state, of_set, versions, windows) == ("approved", "carried_out", 1, 1)
    with tenant_scope(tenant.pk):
        name = TimeWindow.objects.get(slug="office-hours").name
    assert name == "Our hours"


def _break_window() -> None:
    scopes.save_window(
        actor=COMMAND, spec=WindowSpec("night-shift", "Theirs", "Europe/Berlin")
    )


def _break_place() -> None:
    scopes.save_location(
        actor=COMMAND, spec=LocationSpec("branch", "Theirs", countries=("FR",))
    )


def _break_role() -> None:
    roles.save_role(
        actor=COMMAND, spec=RoleSpec("night-operator", "Theirs", "operator")
    )


def _break_base() -> None:
    scopes.save_window(
        actor=COMMAND,
        spec=WindowSpec("office-hours", "Our hours", "Europe/Berlin"),
        window_id=TimeWindow.objects.get(slug="office-hours").pk,
    )


BREAKS = (_break_window, _break_place, _break_role, _break_base)


@settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(broken=st.sets(st.sampled_from(BREAKS), min_size=1))
def test_whatever_breaks_a_set_nothing_of_it_is_carried_out(
    waiting: ApprovalRequest, people: People, broken: set[object]
) -> None:
    with tenant_scope(waiting.tenant_id), transaction.atomic():
        for act in BREAKS:
            if act in broken:
                act()
        before = state_digest(live_records())
        counts = [model.objects.count() for model in (TimeWindow, Location, Role)]
        with pytest.raises(PortwardError):
            people("anna").vote(waiting)
        row = ChangeSet.objects.get()
        with pytest.raises(ConflictError), transaction.atomic():
            services.carry_out_set(actor=COMMAND, request=waiting, row=row)
        assert state_digest(live_records()) == before
        assert counts == [
            model.objects.count() for model in (TimeWindow, Location, Role)
        ]
        assert not PolicyVersion.objects.exists()
        transaction.set_rollback(True)
