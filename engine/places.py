"""Where a request comes from, and locations.

An address in IPv4-mapped IPv6 form is the IPv4 address (RFC 4291, section 2.5.5.2):
without that, `::ffff:10.0.0.1` would slip past every rule about `10.0.0.0/8`.
"""

from __future__ import annotations

import ipaddress

from engine.errors import ContextError
from engine.literals import string_literal, string_set
from protocol.records import LocationRecord

_MAPPED = ipaddress.ip_network("::ffff:0:0/96")
_MAPPED_BITS = 96


def normalize_ip(text: str) -> str:
    """Return an address in its one canonical spelling; raises ContextError."""
    try:
        address = ipaddress.ip_address(text.strip())
    except ValueError as error:
        raise ContextError(f"context.ip: {text!r} is not an IP address") from error
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id is not None:
            raise ContextError("context.ip: an address with a scope id is not accepted")
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
    return str(address)


def normalize_cidr(text: str) -> str:
    """Return a range in its canonical spelling, mapped ranges as IPv4.

    Raises ValueError with the reason when it is not a range, or has host bits set.
    """
    network = ipaddress.ip_network(text.strip())
    if isinstance(network, ipaddress.IPv6Network) and network.subnet_of(_MAPPED):  # type: ignore[arg-type]  # both are IPv6
        address = network.network_address.ipv4_mapped
        return f"{address}/{network.prefixlen - _MAPPED_BITS}"
    return str(network)


def location_condition(location: LocationRecord, *, unknown_matches: bool) -> str:
    """Return a Cedar expression that is true for requests from a location.

    A location is the union of its ranges and countries. Where a request comes from may
    be unknown: for a permit that is outside, for a forbid (`unknown_matches`) inside.
    """
    parts = []
    if location.cidrs:
        ranges = " || ".join(
            f"context.ip.isInRange(ip({string_literal(normalize_cidr(cidr))}))"
            for cidr in location.cidrs
        )
        parts.append(_guarded("ip", f"({ranges})", unknown_matches=unknown_matches))
    if location.countries:
        inside = f"{string_set(location.countries)}.contains(context.country)"
        parts.append(_guarded("country", inside, unknown_matches=unknown_matches))
    return f"({' || '.join(parts)})" if parts else "false"


def contains(location: LocationRecord, ip: str | None, country: str | None) -> bool:
    """Say whether a location surely holds an address or a country."""
    if ip is not None:
        address = ipaddress.ip_address(normalize_ip(ip))
        networks = (
            ipaddress.ip_network(normalize_cidr(cidr)) for cidr in location.cidrs
        )
        if any(address in network for network in networks):
            return True
    return country is not None and country in location.countries


def _guarded(attribute: str, inside: str, *, unknown_matches: bool) -> str:
    if unknown_matches:
        return f"(if context has {attribute} then {inside} else true)"
    return f"(context has {attribute} && {inside})"
