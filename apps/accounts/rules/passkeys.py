"""Decide what an authenticator's answer proves.

This is the only module that knows the WebAuthn library; none of its types leave. The
functions are pure: the challenge, the relying party and the stored key are arguments.
The counter is judged by `judge_sign_count` and not by the library, which would refuse
a clone without leaving a trace. Source: W3C Web Authentication Level 3, section 7.
"""

from __future__ import annotations

import enum
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import webauthn
from webauthn.helpers import (
    base64url_to_bytes,
    options_to_json_dict,
    parse_attestation_object,
)
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AttestationConveyancePreference,
    AttestationFormat,
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    CredentialDeviceType,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)
from webauthn.registration.verify_registration_response import VerifiedRegistration

from apps.accounts.errors import (
    AssertionRefusedError,
    UserNotVerifiedError,
    WrongChallengeError,
    WrongOriginError,
)

# The mark of our own software authenticator; see apps.accounts.adapters.
DEMO_AAGUID = "706f7274-7761-7264-2d64-656d6f2d3031"
_USER_VERIFIED = 0x04
_FLAGS_OFFSET = 32
_TIMEOUT_MS = 300_000


@dataclass(frozen=True)
class RelyingParty:
    """Whom passkeys are bound to, and the pages that may ask for them."""

    id: str
    name: str
    origins: Sequence[str]


@dataclass(frozen=True)
class RegisteredCredential:
    """A new public key that an authenticator made for us."""

    credential_id: bytes
    public_key: bytes
    sign_count: int
    aaguid: str
    is_backup_eligible: bool
    is_backed_up: bool
    is_attested: bool
    transports: tuple[str, ...]

    @property
    def is_demo(self) -> bool:
        """Say whether our software authenticator made it."""
        return self.aaguid == DEMO_AAGUID


@dataclass(frozen=True)
class Assertion:
    """The parts of an authenticator's answer, as bytes, before they are believed."""

    credential_id: bytes
    client_data: bytes
    authenticator_data: bytes
    signature: bytes
    user_handle: bytes | None


@dataclass(frozen=True)
class CheckedAssertion:
    """An answer whose signature, challenge, origin and user verification hold."""

    assertion: Assertion
    sign_count: int
    is_backup_eligible: bool
    is_backed_up: bool


class SignCountVerdict(enum.Enum):
    """What the signature counter says about a passkey."""

    NOT_COUNTING = "not_counting"
    ADVANCED = "advanced"
    WENT_BACK = "went_back"


def judge_sign_count(*, stored: int, presented: int) -> SignCountVerdict:
    """Compare counters; one that does not advance means that the key was copied.

    Synced passkeys report zero for ever and prove nothing (section 6.1.1).
    """
    if stored == 0 and presented == 0:
        return SignCountVerdict.NOT_COUNTING
    if presented > stored:
        return SignCountVerdict.ADVANCED
    return SignCountVerdict.WENT_BACK


def registration_options(
    *,
    party: RelyingParty,
    challenge: bytes,
    user_handle: bytes,
    username: str,
    display_name: str,
    exclude: Sequence[tuple[bytes, Sequence[str]]],
    is_model_asked: bool = False,
) -> dict[str, Any]:
    """Return the options for navigator.credentials.create(), as JSON.

    The authenticator says what model it is only if a tenant asks for it.
    """
    options = webauthn.generate_registration_options(
        rp_id=party.id,
        rp_name=party.name,
        user_id=user_handle,
        user_name=username,
        user_display_name=display_name,
        challenge=challenge,
        timeout=_TIMEOUT_MS,
        authenticator_selection=AuthenticatorSelectionCriteria(
            # Discoverable, because sign-in does not ask for a user name.
            resident_key=ResidentKeyRequirement.REQUIRED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=_descriptors(exclude),
        attestation=AttestationConveyancePreference.DIRECT
        if is_model_asked
        else AttestationConveyancePreference.NONE,
    )
    return dict(options_to_json_dict(options))


def authentication_options(
    *,
    party: RelyingParty,
    challenge: bytes,
    allow: Sequence[tuple[bytes, Sequence[str]]] = (),
) -> dict[str, Any]:
    """Return the options for navigator.credentials.get(), as JSON."""
    options = webauthn.generate_authentication_options(
        rp_id=party.id,
        challenge=challenge,
        timeout=_TIMEOUT_MS,
        allow_credentials=_descriptors(allow),
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return dict(options_to_json_dict(options))


def verify_registration(
    *,
    party: RelyingParty,
    challenge: bytes,
    credential: Mapping[str, Any],
    attestation_roots: Mapping[str, Sequence[bytes]],
) -> RegisteredCredential:
    """Return the new key, or raise AssertionRefusedError.

    The steps are those of `verify_assertion`, but for the signature: possession is
    first proved at the first sign-in. A certificate chain counts if it ends at a root
    that was given for its format (PEM); then it must verify.
    """
    response = _response(credential)
    client_data = _bytes(response, "clientDataJSON")
    _check_client_data(client_data, "webauthn.create", challenge, party)
    try:
        verified = webauthn.verify_registration_response(
            credential=dict(credential),
            expected_challenge=challenge,
            expected_rp_id=party.id,
            expected_origin=list(party.origins),
            require_user_verification=True,
            pem_root_certs_bytes_by_fmt={
                AttestationFormat(name): list(roots)
                for name, roots in attestation_roots.items()
            },
        )
    except WebAuthnException as error:
        if "User verification is required" in str(error):
            raise UserNotVerifiedError from error
        raise AssertionRefusedError(f"The passkey was refused: {error}.") from error
    transports = response.get("transports")
    return RegisteredCredential(
        credential_id=verified.credential_id,
        public_key=verified.credential_public_key,
        sign_count=verified.sign_count,
        aaguid=verified.aaguid,
        is_backup_eligible=_is_eligible(verified.credential_device_type),
        is_backed_up=verified.credential_backed_up,
        is_attested=_is_attested(verified, attestation_roots),
        transports=_known_transports(transports),
    )


def parse_assertion(credential: Mapping[str, Any]) -> Assertion:
    """Split an answer into its parts, or raise AssertionRefusedError."""
    response = _response(credential)
    handle = response.get("userHandle")
    return Assertion(
        credential_id=_bytes(credential, "rawId"),
        client_data=_bytes(response, "clientDataJSON"),
        authenticator_data=_bytes(response, "authenticatorData"),
        signature=_bytes(response, "signature"),
        user_handle=_bytes(response, "userHandle") if handle else None,
    )


def verify_assertion(
    *,
    party: RelyingParty,
    challenge: bytes,
    public_key: bytes,
    user_handle: bytes,
    credential: Mapping[str, Any],
) -> CheckedAssertion:
    """Return a proven answer, or raise AssertionRefusedError.

    1. The answer has all its parts.
    2. It was asked for signing in or signing off, with this challenge.
    3. It was asked from one of our pages, not from a frame of another's.
    4. The user handle, if sent, is the account's.
    5. The authenticator verified the user.
    6. The relying party, the user's presence and the signature hold.
    """
    assertion = parse_assertion(credential)
    _check_client_data(assertion.client_data, "webauthn.get", challenge, party)
    if assertion.user_handle is not None and not hmac.compare_digest(
        assertion.user_handle, user_handle
    ):
        raise AssertionRefusedError("The passkey names another account.")
    flags = assertion.authenticator_data[_FLAGS_OFFSET : _FLAGS_OFFSET + 1]
    if not flags or not flags[0] & _USER_VERIFIED:
        raise UserNotVerifiedError
    try:
        verified = webauthn.verify_authentication_response(
            credential=dict(credential),
            expected_challenge=challenge,
            expected_rp_id=party.id,
            expected_origin=list(party.origins),
            credential_public_key=public_key,
            credential_current_sign_count=0,
            require_user_verification=True,
        )
    except WebAuthnException as error:
        raise AssertionRefusedError(f"The passkey was refused: {error}.") from error
    return CheckedAssertion(
        assertion=assertion,
        sign_count=verified.new_sign_count,
        is_backup_eligible=_is_eligible(verified.credential_device_type),
        is_backed_up=verified.credential_backed_up,
    )


def _check_client_data(
    client_data: bytes, kind: str, challenge: bytes, party: RelyingParty
) -> None:
    try:
        parsed = json.loads(client_data)
        signed = base64url_to_bytes(parsed["challenge"])
        origin = parsed["origin"]
    except (ValueError, KeyError, TypeError) as error:
        raise AssertionRefusedError("The client data is malformed.") from error
    if parsed.get("type") != kind or not hmac.compare_digest(signed, challenge):
        raise WrongChallengeError
    if origin not in party.origins or parsed.get("crossOrigin") is True:
        raise WrongOriginError


def _response(credential: Mapping[str, Any]) -> Mapping[str, Any]:
    response = credential.get("response")
    if not isinstance(response, Mapping):
        raise AssertionRefusedError("The answer of the authenticator is incomplete.")
    return response


def _bytes(part: Mapping[str, Any], name: str) -> bytes:
    value = part.get(name)
    if not isinstance(value, str) or not value:
        raise AssertionRefusedError(f"The answer of the authenticator lacks {name}.")
    try:
        return base64url_to_bytes(value)
    except ValueError as error:
        raise AssertionRefusedError(f"{name} is not base64url.") from error


def _is_eligible(kind: CredentialDeviceType) -> bool:
    return kind is CredentialDeviceType.MULTI_DEVICE


def _is_attested(
    verified: VerifiedRegistration, roots: Mapping[str, Sequence[bytes]]
) -> bool:
    # Without a chain (self attestation) or a root of ours nobody vouches for it.
    statement = parse_attestation_object(verified.attestation_object).att_stmt
    # The library gives the format as text or as its enumeration.
    return bool(statement.x5c) and bool(
        roots.get(AttestationFormat(verified.fmt).value)
    )


def _known_transports(value: object) -> tuple[str, ...]:
    known = {transport.value for transport in AuthenticatorTransport}
    if not isinstance(value, list):
        return ()
    return tuple(sorted({item for item in value if item in known}))


def _descriptors(
    keys: Sequence[tuple[bytes, Sequence[str]]],
) -> list[PublicKeyCredentialDescriptor]:
    return [
        PublicKeyCredentialDescriptor(
            id=credential_id,
            transports=[AuthenticatorTransport(t) for t in transports] or None,
        )
        for credential_id, transports in keys
    ]
