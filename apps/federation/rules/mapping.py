"""Decide what a provider's claims are worth here: how sure, and which roles."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from apps.accounts.choices import TenantRole
from apps.federation.errors import MappingInvalidError
from apps.signin.choices import Acr

# What a provider may be trusted with. Which key is inside hardware only we can verify.
GRANTABLE = (Acr.SINGLE, Acr.MULTI, Acr.PHISHING_RESISTANT)
# A sign-in counts as a fresh proof here; one that is older at the provider must not.
FRESH_SECONDS = 300
_LEVELS = {level.value_name: level for level in GRANTABLE}
_LONGEST = 200
_MOST = 200


@dataclass(frozen=True)
class ClaimMapping:
    """How a provider's claims are read."""

    acr: Mapping[str, str]
    amr: Mapping[str, str]
    group_claim: str
    groups: Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Assurance:
    """How sure a sign-in is, and the sentence that says why."""

    level: Acr
    reason: str


@dataclass(frozen=True)
class RoleChange:
    """The roles of a person after a sign-in, and which of them the mapping gives."""

    roles: tuple[str, ...]
    mapped: tuple[str, ...]

    def is_change(self, before: Iterable[str]) -> bool:
        """Say whether the person's roles are others than before."""
        return set(before) != set(self.roles)


def assurance(
    mapping: ClaimMapping, claims: Mapping[str, Any], *, now: int
) -> Assurance:
    """Return what a sign-in is worth: the mapped level, or a single factor.

    A level above two factors counts only if the provider says that the person proved
    themselves just now.
    """
    found = _mapped_level(mapping, claims)
    if found.level <= Acr.MULTI:
        return found
    at = claims.get("auth_time")
    if (
        isinstance(at, bool)
        or not isinstance(at, int | float)
        or now - at > FRESH_SECONDS
    ):
        return Assurance(
            Acr.MULTI,
            f"{found.reason} It counts as two factors only, because the provider does "
            "not say that it was proven in the last five minutes.",
        )
    return found


def groups_of(mapping: ClaimMapping, claims: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the groups in the claims; a claim of another shape has none."""
    value = claims.get(mapping.group_claim) if mapping.group_claim else None
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list):
        return ()
    return tuple(sorted({item for item in values if isinstance(item, str)}))


def roles_from(mapping: ClaimMapping, claims: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the roles that the groups in the claims are mapped to."""
    found = {
        role
        for group in groups_of(mapping, claims)
        for role in mapping.groups.get(group, ())
    }
    return tuple(sorted(found))


def apply_roles(
    *, current: Iterable[str], mapped_before: Iterable[str], wanted: Iterable[str]
) -> RoleChange:
    """Return a person's roles after a sign-in.

    Only roles that came by mapping come and go with it; what was given by hand stays,
    and does not become a mapped one because the mapping names it too.
    """
    by_hand = set(current) - set(mapped_before)
    mapped = set(wanted) - by_hand
    return RoleChange(tuple(sorted(by_hand | mapped)), tuple(sorted(mapped)))


def parse_levels(text: str, field: str) -> dict[str, str]:
    """Read lines of `value = level`. Raises MappingInvalidError."""
    found = {}
    for number, name, level in _lines(text, field):
        if level not in _LEVELS:
            raise MappingInvalidError(
                f"Line {number}: “{level}” is not a level.",
                field=field,
                remedy=f"Use {', '.join(_LEVELS)}.",
            )
        found[name] = level
    return found


def parse_groups(text: str, field: str) -> dict[str, list[str]]:
    """Read lines of `group = role, role`. Raises MappingInvalidError."""
    found = {}
    for number, name, value in _lines(text, field):
        roles = sorted({part.strip() for part in value.split(",") if part.strip()})
        unknown = sorted(set(roles) - set(TenantRole.values))
        if unknown or not roles:
            raise MappingInvalidError(
                f"Line {number}: there is no role “{(unknown or [''])[0]}”.",
                field=field,
                remedy=f"Use {', '.join(TenantRole.values)}.",
            )
        found[name] = roles
    return found


def as_lines(stored: Mapping[str, str | Sequence[str]]) -> str:
    """Return a stored mapping as the lines that people edit."""
    return "\n".join(
        f"{name} = {value if isinstance(value, str) else ', '.join(value)}"
        for name, value in sorted(stored.items())
    )


def _mapped_level(mapping: ClaimMapping, claims: Mapping[str, Any]) -> Assurance:
    found = Assurance(Acr.SINGLE, "No claim is mapped to a level: one factor.")
    acr = claims.get("acr")
    if isinstance(acr, str) and acr in mapping.acr:
        level = _LEVELS[mapping.acr[acr]]
        found = Assurance(level, f"acr “{acr}” is mapped to {level.label.lower()}.")
    amr = claims.get("amr")
    for method in amr if isinstance(amr, list) else []:
        if not isinstance(method, str) or method not in mapping.amr:
            continue
        level = _LEVELS[mapping.amr[method]]
        if level > found.level:
            found = Assurance(
                level, f"amr “{method}” is mapped to {level.label.lower()}."
            )
    return found


def _lines(text: str, field: str) -> list[tuple[int, str, str]]:
    found: list[tuple[int, str, str]] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        # Names are often addresses and may hold “=”; values never do.
        name, separator, value = (part.strip() for part in line.rpartition("="))
        if not separator or not name or len(name) > _LONGEST:
            raise MappingInvalidError(
                f"Line {number} is not of the form “name = value”.", field=field
            )
        if any(name == known for _number, known, _value in found):
            raise MappingInvalidError(
                f"Line {number}: “{name}” is mapped already.", field=field
            )
        found.append((number, name, value))
    if len(found) > _MOST:
        raise MappingInvalidError(f"More than {_MOST} lines.", field=field)
    return found
