"""Whoever approved an elevation sees what is done under it, and holds the brake."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.accounts.services import actor_for, settle_refusals
from apps.distribution import services
from apps.elevations import services as elevations
from apps.elevations.models import Elevation
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from protocol.decisions import Chunk
from tests.factories.accounts import SignedInClient
from tests.factories.approvals import People
from tests.factories.elevations import (
    ask,
    build_roles,
    granted,
    make_principal,
    offer,
    request_of,
)
from tests.factories.nodes import decision_entry, enroll

pytestmark = pytest.mark.django_db


@pytest.fixture
def people(tenant: Tenant, tmp_path: Path) -> Iterator[People]:
    yield People(tenant, tmp_path)
    settle_refusals()


@pytest.fixture
def elevation(tenant: Tenant, people: People) -> Elevation:
    """Return what Mia holds because Anna approved it."""
    with tenant_scope(tenant.pk):
        build_roles()
        anna, mia = people("anna"), people("mia", "member")
        row = ask(mia, offer(make_principal(mia)))
        anna.vote(request_of(row))
        return elevations.activate(
            actor=actor_for(mia.user), elevation_id=row.pk, now=timezone.now()
        )


@pytest.fixture
def anna(
    people: People, elevation: Elevation, signed_in_client: SignedInClient
) -> Client:
    del elevation
    return signed_in_client(people("anna").user)


def page(row: Elevation, name: str = "grant") -> str:
    return reverse(f"distribution:{name}", args=[row.pk])


def use(
    tenant: Tenant, row: Elevation, *, allowed: bool = True, count: int = 1
) -> None:
    node = enroll(tenant, f"web-{uuid.uuid4().hex[:6]}")
    entry = decision_entry(
        allowed=allowed, count=count, grants=(str(row.assignment_id),)
    )
    services.record_decisions(
        tenant_id=tenant.pk, node_id=node.pk, chunk=Chunk("boot", 1, 0, (entry,))
    )


def test_decisions_under_the_elevation_appear_in_the_live_part(
    anna: Client, tenant: Tenant, elevation: Elevation
) -> None:
    assert "Not used yet" in anna.get(page(elevation, "grant_live")).text
    use(tenant, elevation, count=3)
    use(tenant, elevation, allowed=False)
    text = anna.get(page(elevation, "grant_live")).text
    assert "<b>3</b><span>permitted" in text
    assert "<b>1</b><span>denied" in text
    assert "Not used yet" not in text


def test_decisions_of_other_grants_do_not(
    anna: Client, tenant: Tenant, elevation: Elevation
) -> None:
    other = Elevation(assignment_id=uuid.uuid4())
    use(tenant, other)
    assert "Not used yet" in anna.get(page(elevation, "grant_live")).text


def test_its_approver_ends_it_now(
    anna: Client, tenant: Tenant, elevation: Elevation
) -> None:
    assert "End now" in anna.get(page(elevation)).text
    answer = anna.post(page(elevation, "end_grant"), {"reason": "Odd."}, follow=True)
    assert "Every node hears of it" in answer.text
    assert "End now" not in answer.text
    with tenant_scope(tenant.pk):
        assert granted()[0].revoked_at is not None


def test_another_approver_may_watch_but_not_end_it(
    people: People,
    tenant: Tenant,
    elevation: Elevation,
    signed_in_client: SignedInClient,
) -> None:
    ben = signed_in_client(people("ben").user)
    assert "End now" not in ben.get(page(elevation)).text
    answer = ben.post(page(elevation, "end_grant"), follow=True)
    assert "Only its holder, its approvers and security admins end it." in answer.text
    with tenant_scope(tenant.pk):
        assert granted()[0].revoked_at is None


def test_a_member_without_the_console_sees_none_of_it(
    people: People, elevation: Elevation, signed_in_client: SignedInClient
) -> None:
    oskar = signed_in_client(people("oskar", "member").user)
    for name in ("grant", "grant_live"):
        assert oskar.get(page(elevation, name)).status_code in {302, 403}
    assert oskar.get(reverse("distribution:grants")).status_code in {302, 403}


def test_the_list_shows_what_is_in_force_and_nothing_else(
    anna: Client, people: People, tenant: Tenant, elevation: Elevation
) -> None:
    address = reverse("distribution:grants")
    assert page(elevation) in anna.get(address).text
    with tenant_scope(tenant.pk):
        elevations.end(
            actor=actor_for(people("mia").user),
            elevation_id=elevation.pk,
            reason="",
            now=timezone.now(),
        )
    assert "Nobody is elevated now" in anna.get(address).text
