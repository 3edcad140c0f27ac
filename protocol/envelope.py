"""Containers: archives that are reproducible and safe to read, and signed statements.

An envelope is one response: the TUF metadata of a tenant and the target it names, in an
uncompressed ustar archive. A signed statement follows DSSE v1.0 (Dead Simple Signing
Envelope), which signs the type together with the payload.
"""

from __future__ import annotations

import base64
import binascii
import gzip
import io
import tarfile
import zlib
from collections.abc import Callable, Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from protocol.canonical import canonical_bytes, parse_json
from protocol.errors import (
    BundleMalformedError,
    BundleTooLargeError,
    CanonicalError,
    ReceiptError,
)

ENVELOPE_TYPE = "application/vnd.portward.envelope+tar"
# How a node says that it takes deltas, and an edge that it sent one (RFC 3229).
DELTA_MANIPULATION = "portward-delta"
GZIP = b"\x1f\x8b"
ENVELOPE_LIMIT = 64 * 1024 * 1024
_MOST_MEMBERS = 1000
_PLAIN_TYPES = (tarfile.REGTYPE, tarfile.AREGTYPE)


def pack_archive(files: Mapping[str, bytes]) -> bytes:
    """Return a ustar archive whose bytes depend on names and contents only."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            member.mode = 0o644
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def unpack_archive(blob: bytes, *, limit: int = ENVELOPE_LIMIT) -> dict[str, bytes]:
    """Return the files of an archive.

    Refuses links, devices, folders, sparse files, extended headers, names that are not
    plain relative paths, and duplicates, before anything is handed out.

    Raises BundleMalformedError and BundleTooLargeError.
    """
    if len(blob) > limit:
        raise BundleTooLargeError(f"{len(blob)} bytes exceed the limit of {limit}")
    files: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(blob), mode="r:") as archive:
            for member in archive:
                _check_member(member, files)
                extracted = archive.extractfile(member)
                files[member.name] = extracted.read() if extracted else b""
    except (tarfile.TarError, EOFError, ValueError, OverflowError) as error:
        raise BundleMalformedError(f"not a valid archive: {error}") from error
    if not files:
        raise BundleMalformedError("the archive is empty")
    return files


def _check_member(member: tarfile.TarInfo, seen: Mapping[str, bytes]) -> None:
    name = member.name
    # A sparse file also calls itself regular; a few bytes of it inflate without bound,
    # and this archive is read before any signature is checked.
    if member.type not in _PLAIN_TYPES or member.issparse() or member.pax_headers:
        raise BundleMalformedError(f"{name!r} is not a plain regular file")
    if "\\" in name or not {"", ".", ".."}.isdisjoint(name.split("/")):
        raise BundleMalformedError(f"{name!r} leaves the archive")
    if name in seen:
        raise BundleMalformedError(f"{name!r} occurs twice")
    if len(seen) >= _MOST_MEMBERS:
        raise BundleMalformedError(f"more than {_MOST_MEMBERS} files")


def compress(blob: bytes) -> bytes:
    """Return gzip bytes that depend on the content alone."""
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0, compresslevel=6) as file:
        file.write(blob)
    return buffer.getvalue()


def inflate(blob: bytes, limit: int) -> bytes:
    """Return what gzip bytes hold, or refuse what is broken, too long or has a tail.

    Raises BundleMalformedError, BundleTooLargeError.
    """
    if len(blob) > limit:
        raise BundleTooLargeError(f"{len(blob)} bytes exceed the limit of {limit}")
    inflater = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        content = inflater.decompress(blob, limit + 1)
    except zlib.error as error:
        raise BundleMalformedError(f"not gzip: {error}") from error
    if len(content) > limit:
        raise BundleTooLargeError(f"the archive inflates beyond {limit} bytes")
    if not inflater.eof or inflater.unused_data:
        raise BundleMalformedError("the archive is cut short or has a tail")
    return content


def pack_envelope(files: Mapping[str, bytes]) -> bytes:
    """Return the one response that carries metadata and target."""
    return pack_archive(dict(sorted(files.items())))


def unpack_envelope(blob: bytes, *, limit: int = ENVELOPE_LIMIT) -> dict[str, bytes]:
    """Return the files of an envelope; raises as unpack_archive does.

    An envelope with a delta is compressed: what makes it large are names and numbers.
    """
    if blob.startswith(GZIP):
        blob = inflate(blob, limit)
    return unpack_archive(blob, limit=limit)


def pre_authentication_encoding(payload_type: str, payload: bytes) -> bytes:
    """Return the bytes that a DSSE signature covers (PAE, DSSE v1.0)."""
    kind = payload_type.encode("utf-8")
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def dsse_sign(
    payload_type: str,
    payload: object,
    *,
    key_id: str,
    sign: Callable[[bytes], bytes],
) -> bytes:
    """Return a DSSE envelope over the canonical bytes of a payload."""
    content = canonical_bytes(payload)
    signature = sign(pre_authentication_encoding(payload_type, content))
    return canonical_bytes(
        {
            "payloadType": payload_type,
            "payload": base64.b64encode(content).decode("ascii"),
            "signatures": [
                {"keyid": key_id, "sig": base64.b64encode(signature).decode("ascii")}
            ],
        }
    )


def dsse_verify(
    blob: bytes, *, payload_type: str, public_key: Ed25519PublicKey
) -> dict[str, Any]:
    """Return the payload of an envelope that this key signed as this type.

    Raises ReceiptError.
    """
    try:
        envelope = parse_json(blob)
        if envelope["payloadType"] != payload_type:
            raise ReceiptError("the statement is of another type")
        content = base64.b64decode(envelope["payload"], validate=True)
        (signature,) = envelope["signatures"]
        public_key.verify(
            base64.b64decode(signature["sig"], validate=True),
            pre_authentication_encoding(payload_type, content),
        )
        payload = parse_json(content)
    except InvalidSignature as error:
        raise ReceiptError("the signature does not verify") from error
    except (
        *(CanonicalError, binascii.Error, KeyError, TypeError, ValueError),
    ) as error:
        raise ReceiptError(f"the statement is malformed: {error}") from error
    if not isinstance(payload, dict):
        raise ReceiptError("the payload is not an object")
    return payload
