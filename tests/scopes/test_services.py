"""Acts upon windows and locations."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.db import IntegrityError, transaction

from apps.audit.events import Actor
from apps.audit.models import AuditEntry
from apps.outbox.models import OutboxMessage
from apps.scopes import selectors, services
from apps.scopes.errors import SlugFixedError, SlugTakenError, UnknownZoneError
from apps.scopes.models import TimeWindow
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from tests.scopes.test_rules import LOCATION, WINDOW

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
