"""The one canonical form of everything that is hashed or signed.

RFC 8785 (JSON canonicalization scheme). Floating point numbers are refused: their
printed form is where implementations differ.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, NoReturn

import rfc8785

from protocol.errors import CanonicalError

_LARGEST_INTEGER = 2**53 - 1
# The same bytes as rfc8785 writes, about ten times as fast; a test compares the two.
_PLAIN = json.JSONEncoder(
    ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False
)


def canonical_bytes(value: object) -> bytes:
    """Return the canonical UTF-8 bytes of a JSON value.

    Raises CanonicalError for floats, integers beyond 2**53 - 1, and other types.
    """
    try:
        if _check(value):
            return _PLAIN.encode(value).encode("utf-8")
        return rfc8785.dumps(value)  # type: ignore[arg-type]  # checked by the library
    except (
        *(rfc8785.CanonicalizationError, UnicodeEncodeError, RecursionError),
    ) as error:
        raise CanonicalError(f"no canonical form: {error}") from error


def parse_json(blob: bytes) -> Any:  # noqa: ANN401  # any JSON value
    """Parse strict JSON: no duplicate names, no floats, no NaN.

    Raises CanonicalError.
    """
    try:
        return json.loads(
            blob.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_float=_no_float,
            parse_constant=_no_float,
        )
    except (ValueError, RecursionError) as error:
        raise CanonicalError(f"not strict JSON: {error}") from error


def digest(domain: str, value: object) -> bytes:
    """Return SHA-256 over a domain name, a zero byte, and the canonical bytes.

    The domain keeps a digest made for one purpose from serving another.
    """
    return digest_bytes(domain, canonical_bytes(value))


def digest_bytes(domain: str, blob: bytes) -> bytes:
    """Return SHA-256 over a domain name, a zero byte, and bytes."""
    return hashlib.sha256(domain.encode("ascii") + b"\0" + blob).digest()


def _check(value: object) -> bool:
    """Refuse numbers that have no safe form; say whether the value is plain.

    Plain means JSON's own types with ASCII names, whose order by code point is the
    order by UTF-16 unit that RFC 8785 asks for (section 3.2.3).
    """
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return True
    if isinstance(value, float):
        raise CanonicalError("floating point numbers have no place in signed data")
    if isinstance(value, int):
        if abs(value) > _LARGEST_INTEGER:
            raise CanonicalError(f"integer {value} exceeds 2**53 - 1")
        return kind is int
    # Every item is looked at, also after one that is not plain: it may be a float.
    if isinstance(value, dict):
        names = [kind is dict and type(n) is str and n.isascii() for n in value]
        items = [_check(item) for item in value.values()]
        return all(names) and all(items)
    if isinstance(value, list | tuple):
        items = [_check(item) for item in value]
        return all(items)
    return False


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name occurs twice in one object")
    return found


def _no_float(text: str) -> NoReturn:
    raise ValueError(f"{text} is not an integer")
