"""What operations ask for, and what their proof is bound to."""

from __future__ import annotations

import pytest

from apps.signin.choices import Acr, Method
from apps.signin.rules.levels import factors_of
from apps.signin.rules.operations import (
    PROOF_FIELD,
    REQUIREMENTS,
    Operation,
    Requirement,
    fields_digest,
    is_satisfied,
    operation_digest,
)

NOW = 1_800_000_000
FRESH = factors_of([Method.PASSKEY], at=NOW)
CODE = factors_of([Method.PASSWORD, Method.TOTP], at=NOW)
PARTS = {
    "operation": Operation.FREEZE,
    "method": "POST",
    "path": "/admin/accounts/freeze/add/",
    "body_digest": "00" * 32,
    "who": "alice",
    "serial": "1",
}


def test_every_operation_says_what_it_asks_for() -> None:
    assert set(REQUIREMENTS) == set(Operation)


@pytest.mark.parametrize("operation", sorted(Operation), ids=str)
def test_a_code_never_suffices_for_administration_or_approval(
    operation: Operation,
) -> None:
    satisfied = is_satisfied(REQUIREMENTS[operation], CODE, is_elevated=True, now=NOW)
    assert satisfied == (
        operation
        in {
            Operation.VIEW_AUDIT,
            Operation.DRAFT_POLICY,
            Operation.REVOKE_TOKEN,
            Operation.END_SESSION,
            # Gives rights up, and asks for some; neither gives any.
            Operation.END_LOAN,
            Operation.REQUEST_ELEVATION,
        }
    )


def test_freshness_level_elevation_and_binding_are_each_asked_for() -> None:
    asked = Requirement("x", Acr.PHISHING_RESISTANT, 300, is_elevated=True)
    assert is_satisfied(asked, FRESH, is_elevated=True, now=NOW + 300)
    assert not is_satisfied(asked, FRESH, is_elevated=True, now=NOW + 301)
    assert not is_satisfied(asked, FRESH, is_elevated=False, now=NOW)
    assert not is_satisfied(asked, CODE, is_elevated=True, now=NOW)
    bound = Requirement("x", Acr.PHISHING_RESISTANT, 300, is_bound=True)
    assert not is_satisfied(bound, FRESH, is_elevated=True, now=NOW)


@pytest.mark.parametrize(
    "other",
    [
        {"operation": Operation.LIFT_FREEZE},
        {"method": "DELETE"},
        {"path": "/admin/accounts/freeze/add/?x"},
        {"body_digest": "01" * 32},
        {"who": "bob"},
        {"serial": "2"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_the_challenge_covers_every_part_of_an_operation(
    other: dict[str, object],
) -> None:
    first = operation_digest(**PARTS)  # type: ignore[arg-type]
    assert first == operation_digest(**PARTS)  # type: ignore[arg-type]
    assert first != operation_digest(**(PARTS | other))  # type: ignore[arg-type]


def test_the_digest_of_a_form_leaves_out_only_token_and_proof() -> None:
    fields = [("reason", "why"), ("hours", "8")]
    carried = [*fields, ("csrfmiddlewaretoken", "t"), (PROOF_FIELD, "1")]
    assert fields_digest(fields) == fields_digest(carried)
    assert fields_digest(fields) != fields_digest([("reason", "why"), ("hours", "9")])
    assert fields_digest(fields) != fields_digest([*fields, ("extra", "")])
    assert fields_digest([("a", "b"), ("c", "")]) != fields_digest([("a", "bc")])
