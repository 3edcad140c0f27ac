"""Locations mean the same in Python and in Cedar."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import cedar
from engine.decide import known_context
from engine.errors import ContextError
from engine.places import contains, location_condition, normalize_cidr, normalize_ip
from protocol.records import LocationRecord

OFFICE = LocationRecord("o", "Office", ("10.0.0.0/8", "2001:db8::/32"), ("DE",))


def holds(location: LocationRecord, *, unknown: bool, **context: str) -> bool:
    condition = location_condition(location, unknown_matches=unknown)
    text = f'@id("l")\npermit (principal, action, resource) when {{ {condition} }};'
    found = cedar.evaluate(
        {
            "principal": {"type": "User", "id": "u"},
            "action": {"type": "Action", "id": "a"},
            "resource": {"type": "R", "id": "r"},
            "context": known_context(context),
        },
        cedar.parse_policies(text),
        [],
    )
    assert found.errors == ()
    return found.allowed


def test_a_mapped_address_is_the_ipv4_address() -> None:
    assert normalize_ip("::ffff:10.0.0.1") == "10.0.0.1"
    assert contains(OFFICE, "::ffff:10.0.0.1", None)
    assert holds(OFFICE, unknown=False, ip="::ffff:10.0.0.1")


def test_a_mapped_range_is_the_ipv4_range() -> None:
    assert normalize_cidr("::ffff:10.0.0.0/104") == "10.0.0.0/8"


def test_a_location_with_a_mapped_range_holds_the_ipv4_address() -> None:
    mapped = LocationRecord("m", "Mapped", ("::ffff:10.0.0.0/104",), ())
    for ip in ("10.0.0.1", "::ffff:10.0.0.1"):
        assert contains(mapped, ip, None)
        assert holds(mapped, unknown=False, ip=ip)


@pytest.mark.parametrize("text", ["10.0.0.1/8", "10.0.0.0/33", "office", "::g/64"])
def test_a_range_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        normalize_cidr(text)


@pytest.mark.parametrize("text", ["10.0.0", "fe80::1%eth0", "", "localhost"])
def test_an_address_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ContextError):
        normalize_ip(text)


def test_an_unknown_place_is_outside_for_a_permit_and_inside_for_a_forbid() -> None:
    assert not holds(OFFICE, unknown=False)
    assert holds(OFFICE, unknown=True)


def test_a_known_place_outside_is_outside_for_both() -> None:
    elsewhere = {"ip": "192.0.2.1", "country": "FR"}
    assert not holds(OFFICE, unknown=False, **elsewhere)
    assert not holds(OFFICE, unknown=True, **elsewhere)


@settings(max_examples=200, deadline=None)
@given(
    st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)).map(str),
    st.sampled_from(["DE", "FR", "US"]),
)
def test_the_cedar_expression_agrees_with_python(ip: str, country: str) -> None:
    assert holds(OFFICE, unknown=False, ip=ip, country=country) == contains(
        OFFICE, ip, country
    )
