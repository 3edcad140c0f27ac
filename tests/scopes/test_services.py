"""Acts upon windows and locations."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
from django.db import IntegrityError, transaction

from apps.audit.events import Actor
from apps.audit.models import AuditEntry
from apps.outbox.models import OutboxMessage
from apps.scopes import selectors, services
from apps.scopes.errors import (
    DatesTooManyError,
    InUseError,
    SlugFixedError,
    SlugTakenError,
    UnknownCalendarError,
    UnknownZoneError,
)
from apps.scopes.models import HolidayCalendar, Location, TimeWindow
from apps.scopes.rules import Day
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from protocol.records import City, Fence, parse_record
from tests.scopes.test_calendars import BOXING, CALENDAR, CHRISTMAS
from tests.scopes.test_rules import FREEZE, LOCATION, WINDOW

ACTOR = Actor.system("tests")
pytestmark = pytest.mark.usefixtures("in_tenant")


def test_a_saved_window_is_audited_and_announced() -> None:
    services.save_window(actor=ACTOR, spec=WINDOW)
    assert [record.id for record in selectors.live_records()] == ["office-hours"]
    assert AuditEntry.objects.get().action == "window.created"
    assert OutboxMessage.objects.get().topic == "scopes.changed"


def test_saving_the_same_again_writes_nothing() -> None:
    window = services.save_window(actor=ACTOR, spec=WINDOW)
    services.save_window(actor=ACTOR, spec=WINDOW, window_id=window.pk)
    assert AuditEntry.objects.count() == 1


def test_a_change_remembers_what_was_before() -> None:
    location = services.save_location(actor=ACTOR, spec=LOCATION)
    services.save_location(
        actor=ACTOR,
        spec=replace(LOCATION, countries=("de",)),
        location_id=location.pk,
    )
    entry = AuditEntry.objects.get(action="location.changed")
    assert entry.before is not None
    assert entry.after is not None
    assert (entry.before["countries"], entry.after["countries"]) == ([], ["DE"])


def test_a_refused_window_leaves_nothing_behind() -> None:
    with pytest.raises(UnknownZoneError):
        services.save_window(actor=ACTOR, spec=replace(WINDOW, zone="Nowhere"))
    assert not TimeWindow.objects.exists()
    assert not AuditEntry.objects.exists()
    assert not OutboxMessage.objects.exists()


def test_a_short_name_is_unique_and_never_changes() -> None:
    window = services.save_window(actor=ACTOR, spec=WINDOW)
    with pytest.raises(SlugTakenError):
        services.save_window(actor=ACTOR, spec=WINDOW)
    with pytest.raises(SlugFixedError):
        services.save_window(
            actor=ACTOR, spec=replace(WINDOW, slug="other"), window_id=window.pk
        )


def test_the_database_itself_refuses_a_window_without_length(
    in_tenant: Tenant,
) -> None:
    with (
        pytest.raises(IntegrityError, match="scopes_window_not_empty"),
        transaction.atomic(),
    ):
        TimeWindow.objects.create(
            tenant=in_tenant,
            slug="never",
            name="Never",
            zone="UTC",
            weekdays=[1],
            start_minute=60,
            end_minute=60,
        )


def test_another_tenant_sees_no_window(other_tenant: Tenant) -> None:
    services.save_window(actor=ACTOR, spec=WINDOW)
    with tenant_scope(other_tenant.pk):
        assert not selectors.windows().exists()
        services.save_window(actor=ACTOR, spec=WINDOW)
    assert selectors.windows().count() == 1


def test_a_window_carries_the_dates_of_its_calendars() -> None:
    services.save_calendar(actor=ACTOR, spec=CALENDAR)
    window = services.save_window(
        actor=ACTOR, spec=replace(WINDOW, closed_calendars=("germany",))
    )
    assert selectors.window_record(window).closed_on == ("2026-12-25",)
    (record,) = selectors.live_records()
    assert record == selectors.window_record(window)


def test_a_changed_calendar_changes_its_windows_and_is_announced() -> None:
    calendar = services.save_calendar(actor=ACTOR, spec=CALENDAR)
    services.save_window(
        actor=ACTOR, spec=replace(WINDOW, closed_calendars=("germany",))
    )
    OutboxMessage.objects.all().delete()
    services.save_calendar(
        actor=ACTOR,
        spec=replace(CALENDAR, days=(Day(BOXING),)),
        calendar_id=calendar.pk,
    )
    (record,) = selectors.window_records()
    assert record.closed_on == ("2026-12-26",)
    assert OutboxMessage.objects.get().topic == "scopes.changed"
    assert AuditEntry.objects.get(action="calendar.changed").before is not None


def test_a_window_cannot_name_a_calendar_that_is_not_there() -> None:
    with pytest.raises(UnknownCalendarError) as refusal:
        services.save_window(
            actor=ACTOR, spec=replace(WINDOW, open_calendars=("germany",))
        )
    assert refusal.value.field == "open_calendars"


def test_a_calendar_cannot_overfill_a_window() -> None:
    first, later = (
        tuple(Day(start + dt.timedelta(n)) for n in range(400))
        for start in (CHRISTMAS, dt.date(2030, 1, 1))
    )
    services.save_calendar(actor=ACTOR, spec=replace(CALENDAR, days=first))
    other = replace(CALENDAR, slug="other", days=later[:1])
    row = services.save_calendar(actor=ACTOR, spec=other)
    services.save_window(
        actor=ACTOR, spec=replace(WINDOW, closed_calendars=("germany", "other"))
    )
    with pytest.raises(DatesTooManyError) as refusal:
        services.save_calendar(
            actor=ACTOR, spec=replace(other, days=later), calendar_id=row.pk
        )
    assert refusal.value.field == "days"


def test_a_calendar_in_use_stays_and_says_where_it_is_used() -> None:
    calendar = services.save_calendar(actor=ACTOR, spec=CALENDAR)
    window = services.save_window(
        actor=ACTOR, spec=replace(WINDOW, closed_calendars=("germany",))
    )
    with pytest.raises(InUseError, match="Office hours"):
        services.delete_calendar(actor=ACTOR, calendar_id=calendar.pk)
    services.delete_window(actor=ACTOR, window_id=window.pk)
    services.delete_calendar(actor=ACTOR, calendar_id=calendar.pk)
    assert not HolidayCalendar.objects.exists()
    actions = set(AuditEntry.objects.values_list("action", flat=True))
    assert {"window.deleted", "calendar.deleted"} <= actions


def test_a_location_that_nothing_uses_is_deleted() -> None:
    location = services.save_location(actor=ACTOR, spec=LOCATION)
    services.delete_location(actor=ACTOR, location_id=location.pk)
    assert not Location.objects.exists()
    entry = AuditEntry.objects.get(action="location.deleted")
    assert entry.before is not None
    assert entry.after is None


def test_everything_of_a_location_survives_the_database() -> None:
    wanted = replace(
        LOCATION,
        cities=(City("DE", "Berlin"),),
        fence=Fence(0, 0, 1000),
        node_groups=("edge",),
        unknown_matches=True,
    )
    location = services.save_location(actor=ACTOR, spec=wanted)
    location.refresh_from_db()
    assert selectors.location_spec(location) == wanted
    record = selectors.location_record(location)
    assert parse_record(record.to_dict()) == record
    entry = AuditEntry.objects.get(action="location.created")
    assert entry.after is not None
    assert entry.after["latitude"] == 0


def test_a_window_that_is_open_once_survives_the_database() -> None:
    window = services.save_window(actor=ACTOR, spec=FREEZE)
    window.refresh_from_db()
    record = selectors.window_record(window)
    assert record.opens_at == "2026-12-18T17:00:00Z"
    assert parse_record(record.to_dict()) == record
    services.save_window(
        actor=ACTOR, spec=selectors.window_spec(window), window_id=window.pk
    )
    assert AuditEntry.objects.count() == 1
