"""The pages of windows and locations."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from apps.scopes.models import Location, TimeWindow
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from tests.factories.accounts import MakeUser, SignedInClient

WINDOW = {
    "slug": "office-hours",
    "name": "Office hours",
    "zone": "Europe/Berlin",
    "weekdays": ["1", "2"],
    "start": "08:00",
    "end": "18:00",
}
PLACE = {
    "slug": "office",
    "name": "Office",
    "cidrs": "10.1.2.3/16\n",
    "countries": "de",
}


@pytest.fixture
def client(make_user: MakeUser, signed_in_client: SignedInClient) -> Client:
    return signed_in_client(make_user("anna", ["security_admin"]))


def test_a_window_is_made_shown_and_listed(client: Client, tenant: Tenant) -> None:
    answer = client.post(reverse("admin:scopes_timewindow_add"), WINDOW)
    assert answer.status_code == 302
    page = client.get(answer.headers["Location"]).content.decode()
    assert "Next opens and closes" in page
    assert "opens" in page
    listed = client.get(reverse("admin:scopes_timewindow_changelist"))
    assert "08:00-18:00" in listed.content.decode()
    with tenant_scope(tenant.pk):
        assert TimeWindow.objects.get().weekdays == [1, 2]


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"zone": "Mars/Base"}, "zone", "There is no time zone “Mars/Base”."),
        ({"end": "07:00"}, "end", "before it starts"),
        ({"end": "soon"}, "end", "not a time of day"),
        (
            {"date_from": "2026-02-01", "date_until": "2026-01-01"},
            "date_until",
            "before",
        ),
    ],
)
def test_an_impossible_window_is_refused_beside_its_field(
    client: Client, tenant: Tenant, change: dict[str, str], field: str, words: str
) -> None:
    answer = client.post(reverse("admin:scopes_timewindow_add"), WINDOW | change)
    assert list(answer.context["form"].errors) == [field]
    assert words in answer.context["form"].errors[field][0]
    with tenant_scope(tenant.pk):
        assert not TimeWindow.objects.exists()


def test_a_location_takes_its_normal_form(client: Client, tenant: Tenant) -> None:
    client.post(reverse("admin:scopes_location_add"), PLACE)
    with tenant_scope(tenant.pk):
        place = Location.objects.get()
    assert (place.cidrs, place.countries) == (["10.1.0.0/16"], ["DE"])
    page = reverse("admin:scopes_location_change", args=[place.pk])
    assert "10.1.0.0/16" in client.get(page).content.decode()


def test_an_invalid_range_is_refused_beside_its_field(client: Client) -> None:
    posted = PLACE | {"cidrs": "10.1.0.0/99"}
    answer = client.post(reverse("admin:scopes_location_add"), posted)
    assert list(answer.context["form"].errors) == ["cidrs"]


def test_nothing_is_deleted(client: Client, tenant: Tenant) -> None:
    client.post(reverse("admin:scopes_location_add"), PLACE)
    with tenant_scope(tenant.pk):
        place = Location.objects.get()
    page = reverse("admin:scopes_location_delete", args=[place.pk])
    assert client.post(page, {"post": "yes"}).status_code == 403
