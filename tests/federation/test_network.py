"""What the portal fetches from when a tenant's admin names an address."""

from __future__ import annotations

import pytest
from pytest_django.fixtures import Settings

from apps.federation import adapters
from apps.federation.errors import (
    AddressRefusedError,
    DiscoveryInvalidError,
    ProviderUnreachableError,
)
from apps.federation.rules.addresses import check_issuer, check_url, is_public
from apps.federation.rules.discovery import public_keys
from tests.simulators.provider import SimulatedProvider

AUTH = "client_secret_basic"
pytestmark = pytest.mark.django_db


def test_a_private_address_is_refused(
    idp: SimulatedProvider, settings: Settings
) -> None:
    settings.PORTWARD_FEDERATION_ALLOW_PRIVATE = False
    with pytest.raises(AddressRefusedError, match="public internet"):
        adapters.discover(idp.issuer, client_auth=AUTH)
    assert idp.requests == []


def test_a_private_address_is_reached_if_the_installation_says_so(
    idp: SimulatedProvider,
) -> None:
    assert adapters.discover(idp.issuer, client_auth=AUTH)["issuer"] == idp.issuer


def test_an_address_without_tls_is_refused_in_production(
    idp: SimulatedProvider, settings: Settings
) -> None:
    settings.PORTWARD_ENVIRONMENT = "production"
    with pytest.raises(AddressRefusedError, match="https"):
        adapters.discover(idp.issuer, client_auth=AUTH)


def test_a_redirect_is_not_followed(idp: SimulatedProvider) -> None:
    idp.redirects = True
    with pytest.raises(ProviderUnreachableError, match="redirect"):
        adapters.discover(idp.issuer, client_auth=AUTH)
    assert len(idp.requests) == 1


def test_an_answer_without_end_is_not_read(idp: SimulatedProvider) -> None:
    idp.padding = 300_000
    with pytest.raises(ProviderUnreachableError, match="too long"):
        adapters.discover(idp.issuer, client_auth=AUTH)


def test_a_server_without_tls_does_not_pass_for_one_with(
    idp: SimulatedProvider,
) -> None:
    with pytest.raises(ProviderUnreachableError):
        adapters.discover(idp.issuer.replace("http:", "https:"), client_auth=AUTH)


@pytest.mark.parametrize(
    "url",
    [
        "http://idp.example/",
        "ftp://idp.example/",
        "https://user:word@idp.example/",
        "https:///path",
        "https://idp.example/#fragment",
        "https://idp.example/a b",
        "https://idp.example:port/",
        "file:///etc/passwd",
        "http://localhost.evil.example/",
        "",
    ],
)
def test_what_is_no_plain_https_address_is_refused(url: str) -> None:
    with pytest.raises(AddressRefusedError):
        check_url(url, may_be_loopback=True)


def test_an_issuer_has_no_query() -> None:
    with pytest.raises(AddressRefusedError):
        check_issuer("https://idp.example/?a=b", may_be_loopback=False)


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254"),
        *("0.0.0.1", "100.64.0.1", "224.0.0.1", "255.255.255.255", "192.0.2.1"),
        *("::1", "::", "fe80::1%eth0", "fc00::1", "ff02::1", "2001:db8::1"),
        *("::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::", "::ffff:127.0.0.1"),
    ],
)
def test_an_address_that_is_not_of_the_public_internet(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:2800:21f::1"])
def test_an_address_of_the_public_internet(address: str) -> None:
    assert is_public(address)


def test_only_public_halves_of_usable_keys_are_kept() -> None:
    found = public_keys(
        {
            "keys": [
                {"kty": "EC", "crv": "P-256", "x": "a", "y": "b", "d": "private"},
                {"kty": "oct", "k": "secret"},
                {"kty": "RSA", "n": "AQAB", "e": "AQAB"},
                "nonsense",
            ]
        }
    )
    assert found == {"keys": [{"kty": "EC", "crv": "P-256", "x": "a", "y": "b"}]}


def test_a_provider_without_keys_is_refused() -> None:
    with pytest.raises(DiscoveryInvalidError):
        public_keys({"keys": []})


def test_a_provider_that_keeps_failing_is_left_alone(idp: SimulatedProvider) -> None:
    idp.redirects = True
    for _ in range(40):
        with pytest.raises(ProviderUnreachableError):
            adapters.discover(idp.issuer, client_auth=AUTH)
    asked = len(idp.requests)

    with pytest.raises(ProviderUnreachableError, match="left alone"):
        adapters.discover(idp.issuer, client_auth=AUTH)

    assert len(idp.requests) == asked < 40


def test_an_address_that_may_not_be_asked_is_no_failure(
    idp: SimulatedProvider, settings: Settings
) -> None:
    settings.PORTWARD_FEDERATION_ALLOW_PRIVATE = False
    for _ in range(40):
        with pytest.raises(AddressRefusedError):
            adapters.discover(idp.issuer, client_auth=AUTH)
    settings.PORTWARD_FEDERATION_ALLOW_PRIVATE = True

    assert adapters.discover(idp.issuer, client_auth=AUTH)["issuer"] == idp.issuer
