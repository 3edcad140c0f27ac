"""What a request tells about where it comes from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RequestFacts:
    """Values that the edge of the portal reads off a request.

    `device_token` is the device cookie, empty when none came. Place fields are empty
    when no place database is configured or the address is not in it.
    """

    address: str
    network: str
    fingerprint: str
    label: str
    device_token: str = ""
    country: str = ""
    city: str = ""
    latitude: float | None = None
    longitude: float | None = None


@dataclass(frozen=True)
class Provider:
    """The identity provider that vouched for a person, and its name for the session."""

    name: str
    subject: str
    session: str = ""
