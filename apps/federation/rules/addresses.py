"""Decide which addresses the portal fetches from when a tenant names them.

OWASP ASVS 5.0, V1.3.6: a server-side request goes only where it is meant to.
"""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from apps.federation.errors import AddressRefusedError

_LONGEST = 500
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def check_url(url: str, *, may_be_loopback: bool, field: str = "") -> None:
    """Raise AddressRefusedError unless an address is https, without credentials.

    On a developer's machine a provider may also be on this machine, without TLS.
    """
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname or "", parts.port
    except ValueError as error:
        raise AddressRefusedError("This is not an address.", field=field) from error
    is_local = may_be_loopback and parts.scheme == "http" and host in _LOOPBACK
    if parts.scheme != "https" and not is_local:
        raise AddressRefusedError("The address is not an https one.", field=field)
    if not host or parts.username is not None or parts.password is not None:
        raise AddressRefusedError(
            "The address has no host, or carries a password.", field=field
        )
    if parts.fragment or len(url) > _LONGEST or not url.isprintable() or " " in url:
        raise AddressRefusedError("This is not an address.", field=field)


def check_issuer(issuer: str, *, may_be_loopback: bool) -> None:
    """Raise AddressRefusedError unless an issuer can be one (Discovery, section 3)."""
    check_url(issuer, may_be_loopback=may_be_loopback, field="issuer")
    if urlsplit(issuer).query:
        raise AddressRefusedError("An issuer has no query.", field="issuer")


def is_public(address: str) -> bool:
    """Say whether an IP address is one of the public internet."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    mapped = ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None
    ip = mapped or ip
    if isinstance(ip, ipaddress.IPv6Address) and _embedded(ip) is not None:
        return False
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


def _embedded(ip: ipaddress.IPv6Address) -> object:
    """Return an IPv4 address that a gateway would reach by this one, if any."""
    nat64 = ipaddress.ip_network("64:ff9b::/96")
    return ip.sixtofour or ip.teredo or (ip if ip in nat64 else None)
