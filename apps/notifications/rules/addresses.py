"""Where the portal may send what a tenant's admin asks for. Pure.

OWASP ASVS 5.0, V1.3.6: a server-side request goes only where it is meant to.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from urllib.parse import urlsplit

from apps.notifications.errors import AddressRefusedError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_LONGEST = 2000
_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
# Beyond what the registries of IANA call special: addresses of the public internet by
# which clouds answer their own machines (Azure's wire server), and gateways that carry
# an IPv4 address inside (RFC 6052, 8215, 3056, 4380; IPv4-compatible of RFC 4291).
_REFUSED: tuple[Network, ...] = tuple(
    ipaddress.ip_network(text)
    for text in (
        *("168.63.129.16/32", "100.64.0.0/10", "192.0.0.0/24", "192.88.99.0/24"),
        *("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "::/96"),
        *("fec0::/10", "fd00:ec2::/32"),
    )
)


def check_url(url: str, *, may_be_loopback: bool, field: str = "") -> None:
    """Raise AddressRefusedError unless an address is https, without credentials.

    On a developer's machine it may also be on this machine, without TLS.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise AddressRefusedError("This is not an address.", field=field) from error
    is_local = parts.scheme == "http" and host in _LOOPBACK_NAMES
    if parts.scheme != "https" and not (is_local and may_be_loopback):
        raise AddressRefusedError("The address is not an https one.", field=field)
    if not host or parts.username is not None or parts.password is not None:
        raise AddressRefusedError(
            "The address has no host, or carries a password.", field=field
        )
    is_odd = not url.isascii() or not url.isprintable() or " " in url or "\\" in url
    if parts.fragment or port == 0 or len(url) > _LONGEST or is_odd:
        raise AddressRefusedError("This is not an address.", field=field)


def networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Return networks that are written down. Raises ValueError."""
    return tuple(ipaddress.ip_network(text) for text in texts)


def may_connect(
    address: str, *, allowed: Iterable[Network], may_be_loopback: bool
) -> bool:
    """Say whether a connection to an IP address may be opened.

    Everything that is not plainly of the public internet is refused, unless the
    installation lists its network. Lists are compared with the address as written and
    with the IPv4 address inside.
    """
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    ip = _unmapped(found)
    if may_be_loopback and ip.is_loopback:
        return True
    if any(ip in network for network in allowed if network.version == ip.version):
        return True
    return _is_public(ip)


def _unmapped(ip: Address) -> Address:
    mapped = ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None
    return mapped or ip


def _is_public(ip: Address) -> bool:
    if any(ip in network for network in _REFUSED if network.version == ip.version):
        return False
    is_special = ip.is_multicast or ip.is_reserved or ip.is_link_local or ip.is_private
    return ip.is_global and not is_special
