"""What an authenticator's answer proves, decided without a database."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url

from apps.accounts import rules
from apps.accounts.errors import (
    AssertionRefusedError,
    UserNotVerifiedError,
    WrongChallengeError,
    WrongOriginError,
)
from apps.accounts.rules import RelyingParty, SignCountVerdict
from tests.simulators.authenticator import SimulatedAuthenticator, tamper

PARTY = RelyingParty(id="localhost", name="Portward", origins=("http://localhost",))
HANDLE = b"account"


@pytest.fixture
def authenticator(tmp_path: Path) -> SimulatedAuthenticator:
    return SimulatedAuthenticator(tmp_path / "key.json")


@pytest.fixture
def registered(authenticator: SimulatedAuthenticator) -> rules.RegisteredCredential:
    challenge = secrets.token_bytes(32)
    options = rules.registration_options(
        party=PARTY,
        challenge=challenge,
        user_handle=HANDLE,
        username="alice",
        display_name="Alice",
        exclude=[],
    )
    return rules.verify_registration(
        party=PARTY,
        challenge=challenge,
        credential=authenticator.create(options),
        attestation_roots={},
    )


@pytest.fixture
def answer(
    registered: rules.RegisteredCredential,  # noqa: ARG001  # the key must exist
    authenticator: SimulatedAuthenticator,
) -> tuple[bytes, dict[str, Any]]:
    challenge = secrets.token_bytes(32)
    options = rules.authentication_options(party=PARTY, challenge=challenge)
    return challenge, authenticator.get(options)


def verify(
    registered: rules.RegisteredCredential,
    challenge: bytes,
    credential: dict[str, Any],
) -> rules.CheckedAssertion:
    return rules.verify_assertion(
        party=PARTY,
        challenge=challenge,
        public_key=registered.public_key,
        user_handle=HANDLE,
        credential=credential,
    )


def with_client_data(
    credential: dict[str, Any], change: Callable[[dict[str, Any]], None]
) -> dict[str, Any]:
    parsed = json.loads(base64url_to_bytes(credential["response"]["clientDataJSON"]))
    change(parsed)
    text = bytes_to_base64url(json.dumps(parsed).encode())
    return credential | {"response": credential["response"] | {"clientDataJSON": text}}


@pytest.mark.parametrize(
    ("stored", "presented", "verdict"),
    [
        (0, 0, SignCountVerdict.NOT_COUNTING),
        (0, 1, SignCountVerdict.ADVANCED),
        (7, 8, SignCountVerdict.ADVANCED),
        (7, 7, SignCountVerdict.WENT_BACK),
        (7, 6, SignCountVerdict.WENT_BACK),
        (7, 0, SignCountVerdict.WENT_BACK),
    ],
)
def test_a_counter_must_advance_once_it_counts(
    stored: int, presented: int, verdict: SignCountVerdict
) -> None:
    assert rules.judge_sign_count(stored=stored, presented=presented) is verdict


def test_unknown_roles_and_actions_allow_nothing() -> None:
    assert not rules.role_allows(["root"], "view")
    assert not rules.role_allows(["security_admin"], "vote")
    assert not rules.role_allows([], "view")


def test_a_good_answer_is_proven(
    registered: rules.RegisteredCredential, answer: tuple[bytes, dict[str, Any]]
) -> None:
    checked = verify(registered, *answer)
    assert checked.assertion.credential_id == registered.credential_id
    assert checked.sign_count > registered.sign_count


@pytest.mark.parametrize(
    "part", ["clientDataJSON", "authenticatorData", "signature", "rawId"]
)
def test_an_answer_without_a_part_is_refused(
    registered: rules.RegisteredCredential,
    answer: tuple[bytes, dict[str, Any]],
    part: str,
) -> None:
    challenge, credential = answer
    response = {k: v for k, v in credential["response"].items() if k != part}
    short = {k: v for k, v in credential.items() if k != part} | {"response": response}
    with pytest.raises(AssertionRefusedError, match=f"lacks {part}"):
        verify(registered, challenge, short)


@pytest.mark.parametrize("part", ["signature", "authenticatorData"])
def test_one_changed_bit_is_refused(
    registered: rules.RegisteredCredential,
    answer: tuple[bytes, dict[str, Any]],
    part: str,
) -> None:
    challenge, credential = answer
    with pytest.raises(AssertionRefusedError):
        verify(registered, challenge, tamper(credential, part))


@pytest.mark.parametrize(
    ("field", "value", "error"),
    [
        ("type", "webauthn.create", WrongChallengeError),
        ("challenge", "AAAA", WrongChallengeError),
        ("origin", "http://localhost.evil.example", WrongOriginError),
        ("crossOrigin", True, WrongOriginError),
    ],
)
def test_client_data_of_another_kind_question_or_page_is_refused(
    registered: rules.RegisteredCredential,
    answer: tuple[bytes, dict[str, Any]],
    *,
    field: str,
    value: object,
    error: type[AssertionRefusedError],
) -> None:
    challenge, credential = answer
    changed = with_client_data(credential, lambda data: data.update({field: value}))
    with pytest.raises(error):
        verify(registered, challenge, changed)


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b'{"type": "webauthn.get"}'])
def test_malformed_client_data_is_refused(
    registered: rules.RegisteredCredential,
    answer: tuple[bytes, dict[str, Any]],
    text: bytes,
) -> None:
    challenge, credential = answer
    response = credential["response"] | {"clientDataJSON": bytes_to_base64url(text)}
    with pytest.raises(AssertionRefusedError):
        verify(registered, challenge, credential | {"response": response})


def test_the_origin_is_judged_before_user_verification(
    registered: rules.RegisteredCredential, authenticator: SimulatedAuthenticator
) -> None:
    challenge = secrets.token_bytes(32)
    authenticator.forget_user_verification()
    credential = authenticator.get(
        rules.authentication_options(party=PARTY, challenge=challenge)
    )
    with pytest.raises(UserNotVerifiedError):
        verify(registered, challenge, credential)
    moved = with_client_data(credential, lambda data: data.update(origin="http://x"))
    with pytest.raises(WrongOriginError):
        verify(registered, challenge, moved)


@pytest.mark.parametrize("response", [None, [], "text"])
def test_an_answer_without_response_is_refused(response: object) -> None:
    with pytest.raises(AssertionRefusedError, match="incomplete"):
        rules.parse_assertion({"rawId": "AA", "response": response})
