"""The pages of windows and locations."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from mmdb_writer import MMDBWriter
from netaddr import IPSet  # type: ignore[import-untyped]  # comes with mmdb-writer
from pytest_django import Settings

from apps.audit.models import AuditEntry
from apps.scopes import selectors
from apps.scopes.models import HolidayCalendar, Location, TimeWindow
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


CALENDAR = {
    "slug": "germany",
    "name": "Germany",
    "days": "2026-12-25 Christmas Day\n2026-12-26\n",
}


def ics(date: str, name: str) -> str:
    return (
        f"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART;VALUE=DATE:{date}\r\n"
        f"RRULE:FREQ=YEARLY\r\nSUMMARY:{name}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    )


def places(folder: Path) -> Path:
    """Return a database with one address, in London."""
    writer = MMDBWriter(
        ip_version=6, ipv4_compatible=True, database_type="GeoLite2-City"
    )
    writer.insert_network(
        IPSet(["81.2.69.0/24"]),
        {
            "country": {"iso_code": "GB"},
            "city": {"names": {"en": "London"}},
            "location": {"latitude": 51.5142, "longitude": -0.0931},
        },
    )
    path = folder / "places.mmdb"
    writer.to_db_file(str(path))
    return path


def _text(client: Client, answer: Any) -> str:
    return client.get(answer.headers["Location"]).content.decode()


@pytest.fixture
def client(make_user: MakeUser, signed_in_client: SignedInClient) -> Client:
    return signed_in_client(make_user("anna", ["security_admin"]))


def test_a_window_is_made_shown_and_listed(client: Client, tenant: Tenant) -> None:
    answer = client.post(reverse("admin:scopes_timewindow_add"), WINDOW)
    assert answer.status_code == 302
    page = client.get(answer.headers["Location"]).content.decode()
    assert "Next opens and closes" in page
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


def test_the_page_shows_words_pictures_and_moments(client: Client) -> None:
    answer = client.post(reverse("admin:scopes_timewindow_add"), WINDOW)
    page = client.get(answer.headers["Location"])
    text = page.content.decode()
    assert "Open Monday and Tuesday from 08:00 to 18:00, Europe/Berlin time." in text
    assert len(page.context["turns"]) == 10
    assert text.count("<svg") >= 2
    assert "Monday 2" in text
    assert "style=" not in text.split("<main")[1]


def test_a_window_that_is_open_once_is_made_and_shown_in_local_time(
    client: Client, tenant: Tenant
) -> None:
    posted = {
        **{name: WINDOW[name] for name in ("slug", "name", "zone")},
        "kind": "absolute",
        "opens_at": "2026-12-18 18:00",
        "closes_at": "2027-01-04T08:00",
        "closed_dates": "2026-12-24\n2026-12-25",
    }
    answer = client.post(reverse("admin:scopes_timewindow_add"), posted)
    assert answer.status_code == 302
    with tenant_scope(tenant.pk):
        window = TimeWindow.objects.get()
    assert window.opens_at == dt.datetime(2026, 12, 18, 17, tzinfo=dt.UTC)
    page = client.get(answer.headers["Location"])
    assert page.context["form"].initial["opens_at"] == "2026-12-18 18:00"
    again = client.post(answer.headers["Location"], posted)
    assert again.status_code == 302
    with tenant_scope(tenant.pk):
        assert AuditEntry.objects.filter(action__startswith="window.").count() == 1


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"closed_dates": "2026-12-24\nsoon"}, "closed_dates", "Line 2"),
        ({"start": ""}, "start", "not a time of day"),
        ({"weekdays": []}, "weekdays", "weekdays"),
        ({"kind": "absolute"}, "opens_at", "from when"),
        ({"kind": "absolute", "opens_at": "soon"}, "opens_at", "2026-12-18 18:00"),
    ],
)
def test_what_is_wrong_with_a_window_stands_beside_its_field(
    client: Client, change: dict[str, object], field: str, words: str
) -> None:
    answer = client.post(reverse("admin:scopes_timewindow_add"), WINDOW | change)
    assert words in answer.context["form"].errors[field][0]


def test_a_calendar_is_made_and_a_window_is_closed_on_its_days(
    client: Client, tenant: Tenant
) -> None:
    answer = client.post(reverse("admin:scopes_holidaycalendar_add"), CALENDAR)
    assert answer.status_code == 302
    posted = WINDOW | {"closed_calendars": ["germany"]}
    answer = client.post(reverse("admin:scopes_timewindow_add"), posted)
    assert "except on the days of germany" in _text(client, answer)
    with tenant_scope(tenant.pk):
        (record,) = selectors.window_records()
    assert record.closed_on == ("2026-12-25", "2026-12-26")


def test_every_wrong_line_of_a_calendar_is_named(client: Client) -> None:
    posted = CALENDAR | {"days": "2026-12-25\n2026-13-01\nsoon"}
    answer = client.post(reverse("admin:scopes_holidaycalendar_add"), posted)
    errors = answer.context["form"].errors["days"]
    assert [error.split(":")[0] for error in errors] == ["Line 2", "Line 3"]


def test_an_import_is_shown_first_and_saved_by_the_calendars_page(
    client: Client, tenant: Tenant
) -> None:
    answer = client.post(reverse("admin:scopes_holidaycalendar_add"), CALENDAR)
    with tenant_scope(tenant.pk):
        row = HolidayCalendar.objects.get()
    file = SimpleUploadedFile("x.ics", ics("20200101", "New Year").encode())
    posted = {"first_year": 2026, "last_year": 2027, "mode": "add", "file": file}
    page = client.post(
        reverse("admin:scopes_holidaycalendar_import", args=[row.pk]), posted
    )
    assert [str(day.date) for day in page.context["added"]] == [
        "2026-01-01",
        "2027-01-01",
    ]
    with tenant_scope(tenant.pk):
        assert HolidayCalendar.objects.get().days == row.days
    draft = page.context["draft"].initial
    assert client.post(answer.headers["Location"], draft).status_code == 302
    with tenant_scope(tenant.pk):
        assert len(HolidayCalendar.objects.get().days) == 4


def test_an_import_may_replace_the_days(client: Client, tenant: Tenant) -> None:
    client.post(reverse("admin:scopes_holidaycalendar_add"), CALENDAR)
    with tenant_scope(tenant.pk):
        row = HolidayCalendar.objects.get()
    file = SimpleUploadedFile("x.ics", ics("20260101", "New Year").encode())
    posted = {"first_year": 2026, "last_year": 2026, "mode": "replace", "file": file}
    page = client.post(
        reverse("admin:scopes_holidaycalendar_import", args=[row.pk]), posted
    )
    assert len(page.context["removed"]) == 2


@pytest.mark.parametrize("content", [b"", b"hello", b"\xff\xfe\x00", b"x" * 600_000])
def test_what_is_no_calendar_file_is_refused_beside_the_field(
    client: Client, tenant: Tenant, content: bytes
) -> None:
    client.post(reverse("admin:scopes_holidaycalendar_add"), CALENDAR)
    with tenant_scope(tenant.pk):
        row = HolidayCalendar.objects.get()
    posted = {
        "first_year": 2026,
        "last_year": 2026,
        "mode": "add",
        "file": SimpleUploadedFile("x.ics", content),
    }
    page = client.post(
        reverse("admin:scopes_holidaycalendar_import", args=[row.pk]), posted
    )
    assert page.status_code == 200
    assert list(page.context["form"].errors) == ["file"]


def test_what_is_in_use_says_by_whom_and_stays(client: Client, tenant: Tenant) -> None:
    client.post(reverse("admin:scopes_holidaycalendar_add"), CALENDAR)
    client.post(
        reverse("admin:scopes_timewindow_add"),
        WINDOW | {"closed_calendars": ["germany"]},
    )
    with tenant_scope(tenant.pk):
        row, window = HolidayCalendar.objects.get(), TimeWindow.objects.get()
    page = reverse("admin:scopes_holidaycalendar_change", args=[row.pk])
    assert "Window “Office hours”" in client.get(page).content.decode()
    remove = reverse("admin:scopes_holidaycalendar_remove", args=[row.pk])
    answer = client.post(remove, follow=True)
    assert "is in use" in answer.content.decode()
    client.post(reverse("admin:scopes_timewindow_remove", args=[window.pk]))
    client.post(remove)
    with tenant_scope(tenant.pk):
        assert not HolidayCalendar.objects.exists()
        assert not TimeWindow.objects.exists()


def test_a_location_of_every_kind_is_made_shown_and_tried(
    client: Client, tenant: Tenant, settings: Settings, tmp_path: Path
) -> None:
    settings.PORTWARD_GEOIP_DATABASE = str(places(tmp_path))
    posted = PLACE | {
        "cities": "DE Potsdam",
        "latitude": "52.52",
        "longitude": "13.405",
        "radius": "60.5",
        "node_groups": "edge",
    }
    answer = client.post(reverse("admin:scopes_location_add"), posted)
    assert answer.status_code == 302
    with tenant_scope(tenant.pk):
        place = Location.objects.get()
    assert (place.latitude, place.longitude, place.radius) == (
        52_520_000,
        13_405_000,
        60_500,
    )
    page = reverse("admin:scopes_location_change", args=[place.pk])
    text = client.get(page).content.decode()
    assert "a place within 60.5 km of 52.52, 13.405" in text
    assert "City database" in text
    assert len(text.split("<svg")[-1].split("</svg>")[0]) < 60_000
    tried = client.get(f"{page}?address=81.2.69.160")
    assert dict(tried.context["parts"]) == {
        "Address ranges": "does not match",
        "Countries": "does not match",
        "Cities": "does not match",
        "Circle": "does not match",
        "Node groups": "is unknown",
    }
    assert "London, GB" in tried.content.decode()
    mapped = client.get(f"{page}?address=::ffff:10.1.2.3")
    assert dict(mapped.context["parts"])["Address ranges"] == "matches"
    assert mapped.context["in_permit"]


def test_a_circle_needs_all_of_its_parts(client: Client) -> None:
    posted = PLACE | {"latitude": "52.52", "radius": "10"}
    answer = client.post(reverse("admin:scopes_location_add"), posted)
    assert list(answer.context["form"].errors) == ["longitude"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"cities": "DE Berlin\nParis"}, "cities"),
        ({"latitude": "91", "longitude": "0", "radius": "10"}, "latitude"),
        ({"latitude": "north", "longitude": "0", "radius": "10"}, "latitude"),
        ({"latitude": "0", "longitude": "0", "radius": "0"}, "radius"),
        ({"node_groups": "a/b"}, "node_groups"),
    ],
)
def test_what_is_wrong_with_a_location_stands_beside_its_field(
    client: Client, change: dict[str, str], field: str
) -> None:
    answer = client.post(reverse("admin:scopes_location_add"), PLACE | change)
    assert list(answer.context["form"].errors) == [field]


def test_nothing_is_deleted(client: Client, tenant: Tenant) -> None:
    client.post(reverse("admin:scopes_location_add"), PLACE)
    with tenant_scope(tenant.pk):
        place = Location.objects.get()
    page = reverse("admin:scopes_location_delete", args=[place.pk])
    assert client.post(page, {"post": "yes"}).status_code == 403
