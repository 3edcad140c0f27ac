"""A node's proof covers the request, the time and the nonce."""

from __future__ import annotations

import dataclasses

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from protocol.channel import (
    NodeProof,
    RequestParts,
    parse_proof,
    sign_request,
    verify_request,
)
from protocol.envelope import dsse_sign, dsse_verify
from protocol.errors import (
    NodeProofError,
    NodeProofMalformedError,
    NodeProofSkewedError,
    ReceiptError,
)

KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
OTHER = Ed25519PrivateKey.from_private_bytes(bytes([1] * 32))
PARTS = RequestParts("POST", "/edge/v1/reports?a=1", b"body")
NOW = 1_800_000_000
TENANT = "11111111-1111-4111-8111-111111111111"
NODE = "22222222-2222-4222-8222-222222222222"


def header(key: Ed25519PrivateKey = KEY) -> str:
    return sign_request(
        PARTS, tenant=TENANT, node=NODE, timestamp=NOW, nonce=bytes(16), sign=key.sign
    )


def verify(text: str = "", parts: RequestParts = PARTS, now: int = NOW) -> NodeProof:
    proof = parse_proof(text or header())
    return verify_request(proof, parts, public_key=KEY.public_key(), now=now)


def test_a_good_proof_names_tenant_and_node() -> None:
    assert (verify().tenant, verify().node) == (TENANT, NODE)


@pytest.mark.parametrize(
    "change",
    [{"method": "GET"}, {"target": "/edge/v1/reports?a=2"}, {"body": b"bodx"}],
    ids=str,
)
def test_another_request_does_not_verify(change: dict[str, object]) -> None:
    with pytest.raises(NodeProofError):
        verify(parts=dataclasses.replace(PARTS, **change))  # type: ignore[arg-type]


def test_another_key_does_not_verify() -> None:
    with pytest.raises(NodeProofError):
        verify(header(OTHER))


@pytest.mark.parametrize("skew", [-61, 61])
def test_a_clock_that_is_far_off_is_told_so(skew: int) -> None:
    with pytest.raises(NodeProofSkewedError):
        verify(now=NOW + skew)


@pytest.mark.parametrize("skew", [-60, 60])
def test_a_clock_that_is_a_little_off_is_accepted(skew: int) -> None:
    verify(now=NOW + skew)


@pytest.mark.parametrize(
    "text",
    [
        "x",
        header().replace("tenant=", "tenant=x"),
        header()[:-1],
        header() + ";more=1",
        header().replace("ts=1", "ts=-1"),
    ],
)
def test_a_malformed_proof_is_told_so(text: str) -> None:
    with pytest.raises(NodeProofMalformedError):
        verify(text)


SIGNED = dsse_sign("text/a", {"n": 1}, key_id="k", sign=KEY.sign)


def test_a_signed_statement_is_read() -> None:
    assert dsse_verify(SIGNED, payload_type="text/a", public_key=KEY.public_key()) == {
        "n": 1
    }


@pytest.mark.parametrize(
    ("blob", "kind", "key"),
    [
        (SIGNED, "text/b", KEY),
        (SIGNED, "text/a", OTHER),
        (SIGNED.replace(b"eyJuIjoxfQ", b"eyJuIjoyfQ"), "text/a", KEY),
        (b"{}", "text/a", KEY),
        (b"junk", "text/a", KEY),
    ],
    ids=["type", "key", "payload", "empty", "junk"],
)
def test_a_statement_that_differs_in_one_thing_is_refused(
    blob: bytes, kind: str, key: Ed25519PrivateKey
) -> None:
    with pytest.raises(ReceiptError):
        dsse_verify(blob, payload_type=kind, public_key=key.public_key())


def test_a_line_end_after_the_proof_is_malformed() -> None:
    header = f"tenant={TENANT};node={NODE};ts=1;nonce={'A' * 22};sig={'A' * 86}"
    assert parse_proof(header).timestamp == 1
    with pytest.raises(NodeProofMalformedError):
        parse_proof(header + "\n")
