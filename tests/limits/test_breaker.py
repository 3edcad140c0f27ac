"""A dependency that fails is left alone for a while, and tried again carefully."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.limits.errors import DependencyDownError
from apps.limits.models import CircuitBreaker
from apps.limits.rules.breaker import (
    Breaker,
    BreakerState,
    admit,
    calls,
    settle,
    state_of,
)
from apps.limits.selectors import dependencies
from apps.limits.services import begin_call, end_call, forget_breaker
from apps.tenants.models import Tenant

NOON = 1_000_000.0


def after(outcomes: str, *, start: float = NOON, pace: float = 0.1) -> Breaker:
    """Return a breaker after calls that succeeded (+) or failed (-)."""
    breaker = Breaker()
    for number, outcome in enumerate(outcomes):
        breaker = settle(
            breaker,
            now=start + number * pace,
            is_error=outcome == "-",
            is_probe=False,
        )
    return breaker


@pytest.mark.parametrize(
    ("outcomes", "state"),
    [
        ("", BreakerState.CLOSED),
        ("-", BreakerState.CLOSED),
        ("--", BreakerState.CLOSED),
        ("---", BreakerState.OPEN),
        ("+--", BreakerState.OPEN),
        ("++--", BreakerState.CLOSED),
        ("++---", BreakerState.OPEN),
        ("++++----", BreakerState.CLOSED),
    ],
)
def test_it_opens_once_more_than_half_of_the_calls_failed(
    outcomes: str, state: BreakerState
) -> None:
    assert state_of(after(outcomes), now=NOON + 1) is state


def test_failures_that_are_ten_seconds_old_do_not_count() -> None:
    old = after("--")
    fresh = settle(old, now=NOON + 11.2, is_error=True, is_probe=False)
    assert state_of(fresh, now=NOON + 11.2) is BreakerState.CLOSED
    assert calls(fresh, now=NOON + 11.2) == (0, 1)


def test_failures_within_ten_seconds_count() -> None:
    breaker = settle(after("--"), now=NOON + 9, is_error=True, is_probe=False)
    assert state_of(breaker, now=NOON + 9) is BreakerState.OPEN


def test_nothing_passes_for_thirty_seconds() -> None:
    breaker = after("---")
    opened = breaker.opened_at or 0
    assert not admit(breaker, now=opened + 29.9).is_allowed
    assert admit(breaker, now=opened + 29.9).retry_after == 1
    assert admit(breaker, now=opened).retry_after == 30
    assert admit(breaker, now=opened + 30).is_allowed


def test_half_open_lets_one_probe_through_every_five_seconds() -> None:
    opened = after("---")
    begin = (opened.opened_at or 0) + 30
    first = admit(opened, now=begin)
    assert first.is_probe
    assert not admit(first.breaker, now=begin + 4.9).is_allowed
    second = admit(first.breaker, now=begin + 5)
    assert second.is_allowed
    assert second.is_probe


def test_a_probe_that_succeeds_closes_it_and_forgets_the_past() -> None:
    opened = after("---")
    probe = admit(opened, now=(opened.opened_at or 0) + 30).breaker
    closed = settle(probe, now=NOON + 32, is_error=False, is_probe=True)
    assert closed == Breaker()


def test_a_probe_that_fails_keeps_it_half_open() -> None:
    opened = after("---")
    now = (opened.opened_at or 0) + 30
    probe = admit(opened, now=now).breaker
    failed = settle(probe, now=now + 1, is_error=True, is_probe=True)
    assert state_of(failed, now=now + 1) is BreakerState.HALF_OPEN
    assert not admit(failed, now=now + 1).is_allowed


def test_a_call_from_before_it_opened_does_not_close_it() -> None:
    opened = after("---")
    late = settle(opened, now=NOON + 31, is_error=False, is_probe=False)
    assert late == opened


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 20)), max_size=60))
def test_it_never_opens_while_no_more_than_half_of_the_window_failed(
    steps: list[tuple[bool, float]],
) -> None:
    breaker, now = Breaker(), NOON
    seen: list[tuple[float, bool]] = []
    for is_error, pause in steps:
        now += pause
        breaker = settle(breaker, now=now, is_error=is_error, is_probe=False)
        seen.append((now, is_error))
        # The window is counted in whole seconds, so it may reach one further back.
        narrow = [bad for at, bad in seen if at > now - 10]
        if breaker.opened_at is not None:
            wide = [bad for at, bad in seen if at > now - 11]
            assert len(wide) >= 3
            assert 2 * sum(wide) > len(wide) or 2 * sum(narrow) > len(narrow)
            break


@given(st.floats(0, 1e6), st.floats(0, 1e6))
def test_whoever_waits_as_long_as_told_is_let_through(
    opened: float, asked: float
) -> None:
    breaker = Breaker(opened_at=opened)
    first = admit(breaker, now=opened + asked)
    if not first.is_allowed:
        assert admit(first.breaker, now=opened + asked + first.retry_after).is_allowed


@pytest.mark.django_db
def test_all_processes_share_what_is_known(tenant: Tenant) -> None:
    for _ in range(3):
        call = begin_call(key="hook", label="Hook", tenant_id=tenant.pk)
        end_call(call, error="TimeoutError")
    with pytest.raises(DependencyDownError) as refusal:
        begin_call(key="hook", label="Hook", tenant_id=tenant.pk)
    assert 1 <= refusal.value.retry_after <= 30
    (shown,) = dependencies(tenant.pk)
    assert shown.state is BreakerState.OPEN
    assert shown.row.last_error == "TimeoutError"


@pytest.mark.django_db
def test_one_dependency_does_not_open_another(tenant: Tenant) -> None:
    for _ in range(3):
        end_call(begin_call(key="hook", label="Hook"), error="TimeoutError")
    end_call(begin_call(key="mail", label="E-mail"))
    assert CircuitBreaker.objects.get(key="mail").opened_at is None
    assert len(dependencies(tenant.pk)) == 2


@pytest.mark.django_db
def test_a_tenant_does_not_see_anothers_dependencies(
    tenant: Tenant, other_tenant: Tenant
) -> None:
    begin_call(key="hook", label="Hook", tenant_id=other_tenant.pk)
    begin_call(key="mail", label="E-mail")
    assert [d.row.key for d in dependencies(tenant.pk)] == ["mail"]


@pytest.mark.django_db
def test_what_is_forgotten_starts_anew() -> None:
    for _ in range(3):
        end_call(begin_call(key="hook", label="Hook"), error="TimeoutError")
    forget_breaker(key="hook")
    assert begin_call(key="hook", label="Hook").is_probe is False
