"""Buckets in PostgreSQL, attempts to sign in, and counts of refusals."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import patch

import pytest
from django.db import connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import OperationalError
from django.utils import timezone

from apps.limits import rules, services
from apps.limits.errors import LimiterUnavailableError, SignInThrottledError
from apps.limits.models import BucketLevel, KnownAddress, Refusal
from apps.limits.rules import Bucket, Level
from apps.limits.selectors import bucket
from apps.limits.services import storage

SLOW = Bucket("slow", rate_per_second=0.001, burst=3)
HERE, ELSEWHERE = "192.0.2.7", "198.51.100.9"


@pytest.mark.django_db
def test_a_bucket_gives_its_burst_and_then_refuses() -> None:
    verdicts = [services.take(SLOW, "someone") for _ in range(4)]
    assert [v.is_allowed for v in verdicts] == [True, True, True, False]
    assert [v.remaining for v in verdicts] == [2, 1, 0, 0]
    assert 0 < verdicts[-1].retry_after <= 1000


@pytest.mark.django_db
def test_keys_and_buckets_do_not_touch_each_other() -> None:
    for _ in range(3):
        services.take(SLOW, "someone")
    assert services.take(SLOW, "someone else").is_allowed
    assert services.take(Bucket("other", 0.001, 3), "someone").is_allowed


@pytest.mark.django_db
def test_the_database_judges_as_the_rule_does() -> None:
    level = Level(0, 0, is_allowed=True)
    for _ in range(5):
        services.take(SLOW, "someone")
        row = BucketLevel.objects.get()
        level = rules.judge(SLOW, full_at=level.full_at, now=row.at)
        assert (row.full_at, row.is_allowed) == (level.full_at, level.is_allowed)


@pytest.mark.django_db
def test_what_is_given_back_can_be_taken_again() -> None:
    for _ in range(3):
        services.take(SLOW, "someone")
    services.give_back(SLOW, "someone")
    assert services.take(SLOW, "someone").is_allowed
    assert not services.take(SLOW, "someone").is_allowed


@pytest.mark.django_db
def test_a_cost_that_can_never_be_paid_is_a_bug() -> None:
    with pytest.raises(ValueError, match="never be paid"):
        services.take(SLOW, "someone", cost=4)


@pytest.mark.django_db
def test_only_full_buckets_are_swept() -> None:
    services.take(SLOW, "someone")
    services.take(SLOW, "rested")
    services.give_back(SLOW, "rested")
    assert services.sweep_buckets() == 1
    assert BucketLevel.objects.count() == 1


@pytest.mark.django_db
def test_the_table_of_levels_is_not_logged_and_names_nobody() -> None:
    services.take(SLOW, HERE)
    assert HERE not in BucketLevel.objects.get().key
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relpersistence FROM pg_class WHERE relname = 'limits_bucketlevel'"
        )
        assert cursor.fetchone() == ("u",)


def test_nobody_passes_when_the_database_cannot_answer() -> None:
    with (
        patch.object(connection, "cursor", side_effect=OperationalError),
        pytest.raises(LimiterUnavailableError),
    ):
        services.take(SLOW, "someone")


def race(chosen: Bucket, key: str) -> list[bool]:
    """Take from two connections at the same moment."""
    barrier = threading.Barrier(2)
    outcomes: list[bool] = []

    def compete() -> None:
        try:
            connection.ensure_connection()
            barrier.wait(timeout=10)
            outcomes.append(services.take(chosen, key).is_allowed)
        finally:
            connection.close()

    run_both(compete)
    return outcomes


@pytest.mark.django_db(transaction=True)
def test_two_connections_that_race_for_the_last_token_do_not_both_get_it() -> None:
    for round_ in range(5):
        key = f"racer {round_}"
        for _ in range(2):
            services.take(SLOW, key)
        assert sorted(race(SLOW, key)) == [False, True]


@pytest.mark.django_db(transaction=True)
def test_many_at_once_get_exactly_the_burst() -> None:
    wide = Bucket("wide", rate_per_second=0.001, burst=10)
    outcomes: list[bool] = []

    def hammer() -> None:
        try:
            for _ in range(20):
                outcomes.append(services.take(wide, "all").is_allowed)  # noqa: PERF401
        finally:
            connection.close()

    run_both(hammer)
    assert sum(outcomes) == 10


@pytest.mark.django_db(transaction=True)
def test_a_transaction_that_is_undone_gives_no_token_back() -> None:
    with transaction.atomic():
        services.take(SLOW, "someone")
        transaction.set_rollback(True)
    assert services.take(SLOW, "someone").remaining == 1


@pytest.mark.django_db(transaction=True)
def test_a_long_transaction_does_not_hold_a_bucket() -> None:
    with transaction.atomic():
        services.take(SLOW, "someone")
        outcomes: list[bool] = []

        def other() -> None:
            try:
                outcomes.append(services.take(SLOW, "someone").is_allowed)
            finally:
                connection.close()

        thread = threading.Thread(target=other)
        thread.start()
        thread.join(timeout=10)
        assert outcomes == [True]


def run_both(work: Callable[[], None]) -> None:
    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)


def attempt(account: str = "alice", address: str = HERE) -> None:
    services.check_sign_in(account=account, address=address)
    services.note_sign_in_failure(account=account, address=address)


@pytest.mark.django_db
def test_guessing_one_account_from_one_address_is_slowed_down() -> None:
    for _ in range(5):
        attempt()
    with pytest.raises(SignInThrottledError) as refused:
        attempt()
    assert 0 < refused.value.retry_after <= 60
    attempt("bob")
    attempt(address=ELSEWHERE)


@pytest.mark.django_db
def test_many_attempts_at_once_are_paid_before_they_are_judged() -> None:
    for _ in range(5):
        services.check_sign_in(account="alice", address=HERE)
    with pytest.raises(SignInThrottledError):
        services.check_sign_in(account="alice", address=HERE)


@pytest.mark.django_db
def test_success_gives_back_what_attempts_took() -> None:
    for _ in range(4):
        attempt()
    for _ in range(20):
        services.check_sign_in(account="alice", address=HERE)
        services.note_sign_in_success(account="alice", address=HERE)


@pytest.mark.django_db
def test_guessing_one_account_from_many_addresses_is_slowed_down() -> None:
    for number in range(30):
        attempt(address=f"198.51.100.{number}")
    with pytest.raises(SignInThrottledError):
        attempt(address="198.51.100.99")
    attempt("bob", "198.51.100.99")


@pytest.mark.django_db
def test_an_attacker_elsewhere_does_not_lock_the_owner_out() -> None:
    services.check_sign_in(account="alice", address=HERE)
    services.note_sign_in_success(account="alice", address=HERE)
    for number in range(30):
        attempt(address=f"198.51.100.{number}")
    services.check_sign_in(account="alice", address=HERE)


@pytest.mark.django_db
def test_an_address_is_no_longer_known_after_a_month() -> None:
    services.check_sign_in(account="alice", address=HERE)
    services.note_sign_in_success(account="alice", address=HERE)
    KnownAddress.objects.update(seen_at=timezone.now() - dt.timedelta(days=31))
    for number in range(30):
        attempt(address=f"198.51.100.{number}")
    with pytest.raises(SignInThrottledError):
        services.check_sign_in(account="alice", address=HERE)


@pytest.mark.django_db
def test_trying_one_password_on_many_accounts_is_slowed_down() -> None:
    for number in range(30):
        attempt(f"person-{number}")
    with pytest.raises(SignInThrottledError):
        attempt("person-99")
    attempt("person-99", ELSEWHERE)


@pytest.mark.django_db
def test_a_refused_attempt_takes_nothing_from_the_account() -> None:
    for _ in range(5):
        attempt()
    for _ in range(40):
        with pytest.raises(SignInThrottledError):
            attempt()
    attempt(address=ELSEWHERE)


@pytest.mark.django_db
def test_one_account_has_one_count_however_it_is_written() -> None:
    for name in ("alice", "ALICE", " alice", "Alice ", "\uff41lice"):
        attempt(name)
    with pytest.raises(SignInThrottledError):
        attempt("aLiCe")


@pytest.mark.django_db
def test_every_account_is_refused_with_the_same_words() -> None:
    said = set()
    for name in ("alice", "does-not-exist"):
        for number in range(5):
            attempt(name, f"203.0.113.{number}")
        for _ in range(4):
            attempt(name, "203.0.113.0")
        with pytest.raises(SignInThrottledError) as refused:
            attempt(name, "203.0.113.0")
        said.add((refused.value.code, refused.value.message))
    assert len(said) == 1


@pytest.mark.django_db
def test_refusals_are_counted_per_code_network_and_hour() -> None:
    for address in ("192.0.2.7", "192.0.2.8", "198.51.100.1"):
        services.note_refusal(code="limits.test", address=address)
    counted = set(Refusal.objects.values_list("code", "prefix", "count"))
    assert counted == {
        ("limits.test", "192.0.2.0/24", 2),
        ("limits.test", "198.51.100.0/24", 1),
    }


@pytest.mark.django_db
def test_old_counts_and_addresses_are_forgotten() -> None:
    services.note_refusal(code="limits.test", address=HERE)
    assert services.forget_old() == 0
    Refusal.objects.update(hour=timezone.now() - dt.timedelta(days=31))
    assert services.forget_old() == 1
    assert bucket("address").burst == 200


@pytest.fixture
def used_up_pool() -> Iterator[BaseDatabaseWrapper]:
    """Return the only connection of a pool, within a transaction."""
    pooled: Any = connection.copy("used-up")
    pool = {"min_size": 1, "max_size": 1, "timeout": 0.1}
    pooled.settings_dict["OPTIONS"]["pool"] = pool
    pooled.ensure_connection()
    pooled.in_atomic_block = True
    yield pooled
    pooled.in_atomic_block = False
    pooled.close()
    pooled.close_pool()


@pytest.mark.django_db(transaction=True)
def test_a_pool_that_is_used_up_does_not_stop_the_counting(
    used_up_pool: BaseDatabaseWrapper,
) -> None:
    with patch.object(storage, "connection", used_up_pool):
        assert services.take(SLOW, "someone").is_allowed
