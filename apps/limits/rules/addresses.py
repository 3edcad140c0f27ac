"""Whose address a request comes from, and how addresses are grouped."""

from __future__ import annotations

import ipaddress

from apps.limits.errors import (
    AddressUnknownError,
    ForwardedInvalidError,
    ForwardedUntrustedError,
)

# One household or server commonly holds a whole /64 (RFC 6177).
_IPV6_CLIENT = 64
_PREFIX = {4: 24, 6: 48}


def client_address(remote_addr: str, forwarded_for: str | None, depth: int) -> str:
    """Return the address of the client behind so many trusted proxies.

    1. Without a trusted proxy, X-Forwarded-For is refused: only a client writes it.
    2. The proxies appended the last `depth` entries, so those must be addresses.
    3. The first of those is the client; what stands before it is hearsay.
    """
    if depth <= 0:
        if forwarded_for is not None:
            raise ForwardedUntrustedError
        address = _parse(remote_addr.partition("%")[0])
        if address is None:
            raise AddressUnknownError
        return address
    entries = (forwarded_for or "").split(",")[-depth:]
    parsed = [_parse(entry.strip()) for entry in entries]
    if len(parsed) < depth or None in parsed:
        raise ForwardedInvalidError
    return str(parsed[0])


def client_key(address: str) -> str:
    """Return what one client is limited by: IPv4 address, or IPv6 network."""
    parsed = ipaddress.ip_address(address)
    return _network(address, _IPV6_CLIENT) if parsed.version == 6 else address  # noqa: PLR2004  # the protocol's number


def prefix(address: str) -> str:
    """Return the network that refusals are counted for."""
    return _network(address, _PREFIX[ipaddress.ip_address(address).version])


def _network(address: str, length: int) -> str:
    return str(ipaddress.ip_network(f"{address}/{length}", strict=False))


def _parse(text: str) -> str | None:
    """Return an address in its normal form; IPv4 in IPv6 clothes becomes IPv4."""
    if "%" in text:
        return None
    try:
        parsed = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = getattr(parsed, "ipv4_mapped", None)
    return str(mapped or parsed)
