"""Which public keys are accepted, and how they are written."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa, x25519

from apps.clients.rules import jose

P256: Any = ec.generate_private_key(ec.SECP256R1())
PUBLIC = jose.key_from_crypto(P256.public_key()).as_jwk()


def test_a_key_that_is_given_is_read_back() -> None:
    pem = (
        P256.public_key()
        .public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        .decode()
    )
    texts = (json.dumps(PUBLIC), json.dumps({"keys": [PUBLIC]}), pem, f"{pem}\n")
    for text in texts:
        (key,) = jose.read_public_keys(text)
        assert key.as_jwk() == PUBLIC
    assert len(jose.read_public_keys(pem + pem)) == 2


@pytest.mark.parametrize(
    "private",
    [
        ec.generate_private_key(ec.SECP384R1()),
        rsa.generate_private_key(65537, 1024),  # noqa: S505  # too small on purpose
        x25519.X25519PrivateKey.generate(),
    ],
    ids=["P-384", "RSA-1024", "X25519"],
)
def test_a_key_of_another_kind_is_refused(private: Any) -> None:
    with pytest.raises(jose.JoseRefusedError):
        jose.key_from_crypto(private.public_key())


@pytest.mark.parametrize(
    "change",
    [
        {"d": "AAAA"},
        {"use": "enc"},
        {"alg": "HS256"},
        {"alg": "ES384"},
        {"crv": "P-521"},
        {"kty": "oct"},
        {"kty": None},
        {"x": "AAAA"},
        {"x": 7},
        {"y": None},
        {"kid": 7},
        {"kid": "x" * 129},
    ],
    ids=str,
)
def test_a_jwk_that_may_not_verify_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(jose.JoseRefusedError):
        jose.key_from_jwk({**PUBLIC, **change})


def test_a_key_bound_to_an_algorithm_takes_no_other() -> None:
    private = rsa.generate_private_key(65537, 2048)
    members = jose.key_from_crypto(private.public_key()).as_jwk()
    assert jose.key_from_jwk(members).algorithms == ("PS256", "RS256")
    assert jose.key_from_jwk({**members, "alg": "PS256"}).algorithms == ("PS256",)


@pytest.mark.parametrize(
    "text", ["[]x", "7", "[7]", '{"keys": 7}', "-----BEGIN X-----", "{}"]
)
def test_a_text_that_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(jose.JoseRefusedError):
        jose.read_public_keys(text)


def test_a_private_key_is_not_taken() -> None:
    private, public = jose.make_key_pair()
    with pytest.raises(jose.JoseRefusedError, match="private"):
        jose.read_public_keys(private)
    assert public.algorithms == ("ES256",)
