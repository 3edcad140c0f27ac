"""The fleet page says which node runs what, and why one does not."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from apps.distribution.models import ConsistencySample
from apps.keys.tasks import ensure_tenant_keys
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from tests.factories.accounts import MakeUser, SignedInClient
from tests.factories.bundles import SYSTEM, release_of
from tests.factories.nodes import enroll, report

FLEET = "dashboard:fleet"
LIVE = "dashboard:fleet-live"
pytestmark = pytest.mark.django_db


@pytest.fixture
def admin(make_user: MakeUser, signed_in_client: SignedInClient) -> Client:
    return signed_in_client(make_user("anna", ["security_admin"]))


@pytest.fixture
def fleet(tenant: Tenant) -> Tenant:
    """Return a tenant with a release, a node in sync, one behind and a new one."""
    ensure_tenant_keys(actor=SYSTEM, tenant_id=tenant.pk)
    release = release_of(tenant, "first")
    right = enroll(tenant, "web-1", "front")
    report(right, revision=release.revision, fingerprint=release.state_digest)
    report(enroll(tenant, "db-1", "back"), revision=0, fingerprint="sha256:old")
    enroll(tenant, "db-2", "back")
    return tenant


def states(text: str) -> dict[str, str]:
    return dict(re.findall(r'data-node="([^"]+)" data-state="([^"]+)"', text))


@pytest.mark.usefixtures("tenant")
def test_an_empty_fleet_leads_to_the_join_token(admin: Client) -> None:
    text = admin.get(reverse(FLEET)).text
    assert "No nodes yet" in text
    assert reverse("admin:nodes_jointoken_new") in text


@pytest.mark.usefixtures("fleet")
@pytest.mark.parametrize("page", [FLEET, LIVE])
def test_every_node_has_its_state_and_the_reason(admin: Client, page: str) -> None:
    text = admin.get(reverse(page)).text
    expected = {"web-1": "in_sync", "db-1": "behind", "db-2": "new"}
    assert states(text) == expected
    assert "It runs 0 instead of 1." in text
    assert "1 of 3" in text
    assert "below 99.9" in text


@pytest.mark.usefixtures("fleet")
@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({"q": "WEB"}, {"web-1"}),
        ({"group": "back"}, {"db-1", "db-2"}),
        ({"state": "behind"}, {"db-1"}),
        ({"group": "back", "state": "new"}, {"db-2"}),
        ({"q": "nothing"}, set()),
    ],
)
def test_rows_are_filtered_by_name_group_and_state(
    admin: Client, query: dict[str, str], names: set[str]
) -> None:
    text = admin.get(reverse(FLEET), query).text
    assert set(states(text)) == names
    assert "1 of 3" in text


def test_a_silence_of_days_is_shown_whole(admin: Client, tenant: Tenant) -> None:
    seen = timezone.now() - dt.timedelta(days=2, seconds=5)
    report(enroll(tenant, "web-1"), seen_at=seen)
    found = re.search(r"(\d+) s ago", admin.get(reverse(LIVE)).text)
    assert found is not None
    assert int(found.group(1)) >= 2 * 86_400


def test_the_chart_has_words_and_a_table(admin: Client, fleet: Tenant) -> None:
    with tenant_scope(fleet.pk):
        ConsistencySample.objects.create(
            tenant_id=fleet.pk, at=timezone.now(), nodes=4, in_sync=3
        )
    text = admin.get(reverse(LIVE)).text
    assert 'role="img"' in text
    assert "<desc" in text
    assert "<td>75 %</td>" in text


def test_nodes_of_another_tenant_are_not_shown(
    admin: Client, other_tenant: Tenant
) -> None:
    enroll(other_tenant, "foreign-1")
    assert "foreign-1" not in admin.get(reverse(FLEET)).text


@pytest.mark.usefixtures("fleet")
def test_nobody_looks_without_being_signed_in(client: Client) -> None:
    for page in (FLEET, LIVE):
        answer = client.get(reverse(page))
        assert answer.status_code in {302, 403}
        assert "web-1" not in answer.text


def test_the_queries_of_the_live_part_do_not_grow_with_the_fleet(
    admin: Client, fleet: Tenant
) -> None:
    admin.get(reverse(LIVE))

    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            admin.get(reverse(LIVE))
        return len(queries)

    before = count()
    for number in range(5):
        report(enroll(fleet, f"more-{number}", "front"))
    assert count() == before
