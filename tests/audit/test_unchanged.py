"""What was read of a tenant is kept until something is recorded there."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Sequence

import pytest
from django.utils import timezone

from apps.audit import services
from apps.audit.events import Actor
from apps.audit.selectors import WhileUnchanged
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope

pytestmark = pytest.mark.django_db
NOW = dt.datetime(2026, 11, 18, 12, tzinfo=dt.UTC)


class Counting:
    """Reads another number each time."""

    def __init__(self, most: int = 8, beside: Sequence[str] = ()) -> None:
        self._kept: WhileUnchanged[int] = WhileUnchanged(
            seconds=60, most=most, beside=beside
        )
        self._numbers = itertools.count(1)

    def read(self, name: str = "all") -> int:
        return self._kept.get(name, lambda: next(self._numbers))


def record(action: str = "thing.changed") -> None:
    services.append(
        actor=Actor.command("tests"),
        action=action,
        target_type="thing",
        target_id="web-1",
    )


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> list[dt.datetime]:
    """Return the time in a list, to be changed."""
    times = [NOW]
    monkeypatch.setattr(timezone, "now", lambda: times[0])
    return times


def test_what_was_read_is_kept(tenant: Tenant) -> None:
    found = Counting()
    with tenant_scope(tenant.pk):
        assert [found.read(), found.read()] == [1, 1]


def test_it_is_read_again_once_something_was_recorded(tenant: Tenant) -> None:
    found = Counting()
    with tenant_scope(tenant.pk):
        found.read()
        record()
        assert [found.read(), found.read()] == [2, 2]


def test_entries_that_change_nothing_are_looked_past(tenant: Tenant) -> None:
    found = Counting(beside=["thing.looked_at"])
    with tenant_scope(tenant.pk):
        record()
        found.read()
        record("thing.looked_at")
        assert found.read() == 1
        record()
        record("thing.looked_at")
        assert found.read() == 2


def test_it_is_read_again_when_its_time_is_over(
    tenant: Tenant, clock: list[dt.datetime]
) -> None:
    found = Counting()
    with tenant_scope(tenant.pk):
        found.read()
        clock[0] = NOW + dt.timedelta(seconds=59, microseconds=999_999)
        assert found.read() == 1
        clock[0] = NOW + dt.timedelta(seconds=60)
        assert found.read() == 2


def test_names_are_kept_apart(tenant: Tenant) -> None:
    found = Counting()
    with tenant_scope(tenant.pk):
        assert [found.read("a"), found.read("b"), found.read("a")] == [1, 2, 1]


def test_tenants_are_kept_apart(tenant: Tenant, other_tenant: Tenant) -> None:
    found = Counting()
    read = []
    for one in (tenant, other_tenant, tenant):
        with tenant_scope(one.pk):
            read.append(found.read())
    assert read == [1, 2, 1]


def test_only_what_was_asked_last_is_kept(tenant: Tenant) -> None:
    found = Counting(most=2)
    with tenant_scope(tenant.pk):
        assert [found.read(name) for name in "abaca"] == [1, 2, 1, 3, 1]
        assert found.read("b") == 4
