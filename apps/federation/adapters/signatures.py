"""Verify who signed a token. What it says is judged by the rules."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from joserfc import errors as jose_errors
from joserfc import jws
from joserfc.jwk import JWKRegistry, Key
from typing_extensions import override

from apps.federation.errors import (
    SignatureRefusedError,
    TokenMalformedError,
    UnknownKeyError,
)
from apps.federation.rules.tokens import ALGORITHMS, check_algorithm

_LONGEST_TOKEN = 64 * 1024
_LONGEST_HEADER = 8 * 1024
_KINDS = {"RS256": "RSA", "PS256": "RSA", "ES256": "EC"}


@dataclass(frozen=True)
class Signed:
    """A token whose signature holds; what it says is not judged yet."""

    header: Mapping[str, Any]
    claims: Mapping[str, Any]


def read_token(token: str, keys: Mapping[str, Any]) -> Signed:
    """Return what a token says if one of the provider's keys signed it.

    Raises TokenMalformedError, AlgorithmRefusedError, UnknownKeyError and
    SignatureRefusedError.
    """
    if len(token) > _LONGEST_TOKEN:
        raise TokenMalformedError
    registry = _Registry(algorithms=ALGORITHMS, strict_check_header=False)
    registry.max_header_length = _LONGEST_HEADER
    try:
        unverified = jws.extract_compact(token.encode("ascii"), registry=registry)
        header = dict(unverified.headers())
    except (jose_errors.JoseError, ValueError) as error:
        raise TokenMalformedError from error
    algorithm = check_algorithm(header)
    key = _choose_key(keys, header.get("kid"), algorithm)
    try:
        signed = jws.deserialize_compact(
            token, key, algorithms=ALGORITHMS, registry=registry
        )
        claims = json.loads(signed.payload)
    except (jose_errors.JoseError, ValueError) as error:
        raise SignatureRefusedError from error
    if not isinstance(claims, dict):
        raise TokenMalformedError
    return Signed(header, claims)


class _Registry(jws.JWSRegistry):
    """Accept our algorithms only; a provider's choice among them is no warning."""

    @override
    def get_alg(self, name: str) -> Any:  # the library's own type is private
        return self.algorithms[check_algorithm({"alg": name})]


def _choose_key(keys: Mapping[str, Any], kid: object, algorithm: str) -> Key:
    """Return the one key a token can be signed by: named, of its kind, for signing."""
    kind = _KINDS.get(algorithm, "OKP")
    fitting = [
        row
        for row in keys.get("keys", [])
        if row.get("kty") == kind
        and row.get("use", "sig") == "sig"
        and row.get("alg", algorithm) == algorithm
        and (kid is None or row.get("kid") == kid)
    ]
    if len(fitting) != 1:
        raise UnknownKeyError
    try:
        return JWKRegistry.import_key(fitting[0])
    except (jose_errors.JoseError, ValueError) as error:
        raise UnknownKeyError from error
