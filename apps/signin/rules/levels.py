"""Decide how sure a session is of its person, and for how long.

Assurance decays: a factor counts for an operation only while it is younger than the
operation allows. NIST SP 800-63B-4, section 5.2; RFC 9470.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from apps.signin.choices import Acr, Method

_SECOND = frozenset({Method.TOTP, Method.HOTP, Method.RECOVERY})
# RFC 8176, section 2. A recovery code is a one-time password like the others.
_AMR: Mapping[Method, tuple[str, ...]] = {
    Method.PASSKEY: ("pop", "user", "mfa"),
    Method.PASSWORD: ("pwd",),
    Method.TOTP: ("otp",),
    Method.HOTP: ("otp",),
    Method.RECOVERY: ("otp",),
    Method.FEDERATED: ("fed",),
}


@dataclass(frozen=True)
class Factor:
    """One proof, and when it was given (seconds since the epoch)."""

    method: Method
    at: int
    acr: Acr = Acr.SINGLE
    credential: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return the stored form."""
        return {
            "method": self.method.value,
            "at": self.at,
            "acr": int(self.acr),
            "credential": self.credential,
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Factor:
        """Read the stored form."""
        return cls(
            Method(stored["method"]),
            int(stored["at"]),
            Acr(stored["acr"]),
            str(stored.get("credential", "")),
        )


def factors_of(
    methods: Sequence[Method],
    *,
    at: int,
    acr: Acr | None = None,
    credential: str = "",
    is_hardware: bool = False,
) -> tuple[Factor, ...]:
    """Return the factors that methods proven together amount to.

    `acr` counts only for federated sign-ins, where the provider vouches; a passkey
    reaches HARDWARE only if an attestation said so.
    """
    together = set(methods)
    if Method.PASSKEY in together:
        level = Acr.HARDWARE if is_hardware else Acr.PHISHING_RESISTANT
    elif Method.PASSWORD in together and together & _SECOND:
        level = Acr.MULTI
    elif together == {Method.FEDERATED} and acr is not None:
        level = acr
    else:
        level = Acr.SINGLE if together else Acr.NONE
    return tuple(Factor(method, at, level, credential) for method in methods)


def level_at(factors: Iterable[Factor], *, now: int, max_age: int | None = None) -> Acr:
    """Return the highest level that factors no older than `max_age` seconds give."""
    fresh = [
        factor.acr
        for factor in factors
        if max_age is None or 0 <= now - factor.at <= max_age
    ]
    return max(fresh, default=Acr.NONE)


def proven_at(factors: Iterable[Factor], *, acr: Acr) -> int | None:
    """Return when a level was last proven, or None if it never was."""
    return max((f.at for f in factors if f.acr >= acr), default=None)


def amr_of(factors: Iterable[Factor]) -> list[str]:
    """Return the `amr` claim: what was used, each once, in a fixed order."""
    found = {name for factor in factors for name in _AMR[factor.method]}
    if any(factor.acr >= Acr.MULTI for factor in factors):
        found.add("mfa")
    if any(factor.acr >= Acr.HARDWARE for factor in factors):
        found.add("hwk")
    return sorted(found)


def merge(old: Iterable[Factor], new: Iterable[Factor]) -> tuple[Factor, ...]:
    """Return a session's factors after another proof: the newest of each method."""
    latest = {factor.method: factor for factor in old}
    latest.update({factor.method: factor for factor in new})
    return tuple(sorted(latest.values(), key=lambda factor: (factor.at, factor.method)))
