"""Two approvers decide on one elevation at the same instant, on two connections."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from apps.accounts.services import settle_refusals
from apps.approvals.errors import RequestClosedError
from apps.approvals.models import Vote
from apps.elevations.choices import ElevationState
from apps.elevations.models import Elevation
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from tests.approvals.test_concurrency import at_once, send
from tests.factories.approvals import People
from tests.factories.elevations import (
    ask,
    build_roles,
    make_principal,
    offer,
    request_of,
)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def people(tenant: Tenant, tmp_path: Path) -> Iterator[People]:
    found = People(tenant, tmp_path)
    yield found
    settle_refusals()


@pytest.mark.parametrize("round_", range(3))
def test_two_approvers_at_the_same_instant_approve_an_elevation_once(
    tenant: Tenant, people: People, round_: int
) -> None:
    assert round_ >= 0
    with tenant_scope(tenant.pk):
        build_roles()
        pair = [people("anna"), people("ben")]
        mia = people("mia", "member")
        make_principal(mia)
        row = ask(mia, offer(mia.user.principals.get()))
        request = request_of(row)
        signed = [person.sign(request) for person in pair]

    failures = at_once(
        *(
            lambda p=p, s=s: send(request, p, s)
            for p, s in zip(pair, signed, strict=True)
        )
    )

    # One vote is enough; who comes second finds the request closed.
    assert [type(error) for error in failures] == [RequestClosedError]
    with tenant_scope(tenant.pk):
        assert Elevation.objects.get(pk=row.pk).state == ElevationState.APPROVED
        assert Vote.objects.filter(request=request).count() == 1
