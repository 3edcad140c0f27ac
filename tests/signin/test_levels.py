"""How sure a session is, and how that decays."""

from __future__ import annotations

import pytest

from apps.signin.choices import Acr, Method
from apps.signin.rules.levels import (
    Factor,
    amr_of,
    factors_of,
    level_at,
    merge,
    proven_at,
)

NOW = 1_800_000_000


@pytest.mark.parametrize(
    ("methods", "level"),
    [
        ([Method.PASSKEY], Acr.PHISHING_RESISTANT),
        ([Method.PASSWORD, Method.TOTP], Acr.MULTI),
        ([Method.PASSWORD, Method.HOTP], Acr.MULTI),
        ([Method.PASSWORD, Method.RECOVERY], Acr.MULTI),
        ([Method.PASSWORD], Acr.SINGLE),
        ([Method.TOTP], Acr.SINGLE),
        ([Method.TOTP, Method.RECOVERY], Acr.SINGLE),
        ([Method.FEDERATED], Acr.SINGLE),
        ([], Acr.NONE),
    ],
    ids=str,
)
def test_the_level_follows_from_what_was_proven(
    methods: list[Method], level: Acr
) -> None:
    assert level_at(factors_of(methods, at=NOW), now=NOW) == level


def test_only_an_attested_passkey_counts_as_hardware() -> None:
    made = factors_of([Method.PASSKEY], at=NOW, is_hardware=True)
    assert level_at(made, now=NOW) == Acr.HARDWARE


def test_a_providers_word_counts_for_federated_sign_ins_only() -> None:
    vouched = factors_of([Method.FEDERATED], at=NOW, acr=Acr.MULTI)
    assert level_at(vouched, now=NOW) == Acr.MULTI
    claimed = factors_of([Method.PASSWORD], at=NOW, acr=Acr.MULTI)
    assert level_at(claimed, now=NOW) == Acr.SINGLE


@pytest.mark.parametrize(
    ("age", "level"),
    [
        (0, Acr.PHISHING_RESISTANT),
        (300, Acr.PHISHING_RESISTANT),
        (301, Acr.NONE),
        (-1, Acr.NONE),
    ],
)
def test_a_proof_counts_until_its_age_and_never_from_the_future(
    age: int, level: Acr
) -> None:
    made = factors_of([Method.PASSKEY], at=NOW - age)
    assert level_at(made, now=NOW, max_age=300) == level


def test_a_fresh_weak_proof_does_not_refresh_an_old_strong_one() -> None:
    old = factors_of([Method.PASSKEY], at=NOW - 1000)
    fresh = factors_of([Method.PASSWORD, Method.TOTP], at=NOW)
    both = merge(old, fresh)
    assert level_at(both, now=NOW, max_age=300) == Acr.MULTI
    assert level_at(both, now=NOW) == Acr.PHISHING_RESISTANT
    assert proven_at(both, acr=Acr.PHISHING_RESISTANT) == NOW - 1000


def test_the_newest_proof_of_a_method_replaces_the_older() -> None:
    merged = merge(
        factors_of([Method.PASSKEY], at=NOW - 10), factors_of([Method.PASSKEY], at=NOW)
    )
    assert [factor.at for factor in merged] == [NOW]


def test_amr_says_what_was_used() -> None:
    assert amr_of(factors_of([Method.PASSWORD], at=NOW)) == ["pwd"]
    assert amr_of(factors_of([Method.PASSWORD, Method.TOTP], at=NOW)) == [
        "mfa",
        "otp",
        "pwd",
    ]
    key = factors_of([Method.PASSKEY], at=NOW, is_hardware=True)
    assert amr_of(key) == ["hwk", "mfa", "pop", "user"]


def test_a_factor_survives_being_stored() -> None:
    factor = Factor(Method.PASSKEY, NOW, Acr.HARDWARE, "abc")
    assert Factor.from_dict(factor.as_dict()) == factor
