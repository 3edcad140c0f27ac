"""A stand-in for a person's authenticator: unmarked, and able to misbehave."""

from __future__ import annotations

from typing import Any, ClassVar

from webauthn.helpers import base64url_to_bytes, bytes_to_base64url

from apps.accounts.adapters import UnsafeSoftwareAuthenticator

USER_PRESENT, USER_VERIFIED = 0x01, 0x04


class SimulatedAuthenticator(UnsafeSoftwareAuthenticator):
    """Make keys that look like those of real hardware."""

    aaguid: ClassVar[bytes] = bytes(16)

    def forget_user_verification(self) -> None:
        """Answer from now on without having verified the user."""
        self.flags = USER_PRESENT

    def answer_as(self, user_handle: bytes) -> None:
        """Name another account in the answers."""
        self._user_handle = bytes_to_base64url(user_handle)

    @property
    def user_handle(self) -> bytes:
        return base64url_to_bytes(self._user_handle)


def tamper(credential: dict[str, Any], part: str) -> dict[str, Any]:
    """Return a credential with one bit of one part changed."""
    raw = bytearray(base64url_to_bytes(credential["response"][part]))
    raw[-1] ^= 1
    response = credential["response"] | {part: bytes_to_base64url(bytes(raw))}
    return credential | {"response": response}
