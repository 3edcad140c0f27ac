"""The terms of a policy on its form: shown as they are kept, and kept as shown."""

from __future__ import annotations

import json
from typing import Any

import pytest

from apps.policies.forms.terms import TermsForm, initial_terms

NOTHING: dict[str, Any] = {
    "effective_from": "",
    "effective_until": "",
    "review_on": "",
    "obligations": [],
}
EVERYTHING: dict[str, Any] = {
    "effective_from": "2026-12-01T08:30:15Z",
    "effective_until": "2027-01-01T00:00:00Z",
    "review_on": "2026-12-24",
    "obligations": [
        {"type": "mfa", "properties": {"level": 2, "max_age": 300}},
        {"type": "device_trust", "properties": {}},
        {"type": "max_risk", "properties": {"at_most": 0}},
        {"type": "notify", "properties": {"to": "ops", "body": "Done."}},
        {"type": "end_session", "properties": {}},
    ],
}
SECOND = {"type": "notify", "properties": {"to": "audit", "body": "Too."}}


class Form(TermsForm):
    """The terms with what was there before, as the form of a policy has them."""

    base = TermsForm.declared_fields["notify_body"]


def kept(content: dict[str, Any]) -> dict[str, Any]:
    shown = {
        name: value for name, value in initial_terms(content).items() if value != ""
    }
    form = Form({**shown, "base": json.dumps(content)})
    assert form.is_valid(), form.errors
    return form.terms()


@pytest.mark.parametrize(
    "content", [NOTHING, EVERYTHING, {**NOTHING, "obligations": [SECOND]}]
)
def test_what_is_shown_is_what_is_kept(content: dict[str, Any]) -> None:
    assert kept(content) == content


def test_what_the_form_has_no_place_for_stays() -> None:
    both = {**EVERYTHING, "obligations": [*EVERYTHING["obligations"], SECOND]}
    assert kept(both) == both


def test_terms_are_folded_away_until_there_are_some() -> None:
    assert not Form().has_terms()
    assert Form(initial=initial_terms(EVERYTHING)).has_terms()
