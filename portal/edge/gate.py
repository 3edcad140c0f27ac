"""Who may talk to the edge: node proofs, their keys, and nonces seen before."""

from __future__ import annotations

import time
import uuid
from collections import OrderedDict
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from portal.edge.store import Store
from portal.edge.wire import EdgeRefusal, Request
from protocol.channel import MAX_SKEW, PROOF_HEADER, parse_proof, verify_request
from protocol.errors import NodeProofError

# How long a key is believed without asking; revocations arrive by NOTIFY long before.
KEY_LIFETIME = 60.0
_MOST_NONCES = 500_000


@dataclass(frozen=True)
class Caller:
    """A node that has proven itself."""

    tenant_id: uuid.UUID
    node_id: uuid.UUID
    key: Ed25519PublicKey

    @property
    def name(self) -> str:
        """Return what the node is counted by."""
        return f"{self.tenant_id}/{self.node_id}"


class Gate:
    """Verify proofs; remember keys for a minute and nonces while they count."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._keys: dict[tuple[uuid.UUID, uuid.UUID], tuple[bytes, float]] = {}
        self._out: set[tuple[uuid.UUID, uuid.UUID]] = set()
        self._nonces: OrderedDict[tuple[str, str], int] = OrderedDict()

    async def admit(self, request: Request) -> Caller:
        """Return who sent a request.

        1. The header is well-formed.
        2. The node is an active one of the tenant it names.
        3. Time and signature hold.
        4. The nonce was not seen before.
        """
        try:
            proof = parse_proof(request.headers.get(PROOF_HEADER.lower(), ""))
            tenant_id, node_id = uuid.UUID(proof.tenant), uuid.UUID(proof.node)
            key = await self.key_of(tenant_id, node_id)
            if key is None:
                raise EdgeRefusal(
                    403,
                    "nodes.unknown_or_revoked",
                    "This node is not, or no longer, part of the fleet.",
                    "Enroll it with a new join token.",
                )
            now = int(time.time())
            verify_request(proof, request.parts, public_key=key, now=now)
        except NodeProofError as error:
            raise EdgeRefusal(401, error.code, error.message) from error
        self._refuse_replay(proof.node, proof.nonce, now)
        return Caller(tenant_id, node_id, key)

    async def key_of(
        self, tenant_id: uuid.UUID, node_id: uuid.UUID
    ) -> Ed25519PublicKey | None:
        """Return the key of an active node; it is asked for at most once a minute."""
        place = (tenant_id, node_id)
        if place in self._out:
            return None
        raw, loaded = self._keys.get(place, (None, 0.0))
        if raw is None or time.monotonic() - loaded > KEY_LIFETIME:
            raw = await self._store.node_key(tenant_id, node_id)
            if raw is None:
                # Unknown names are not remembered: strangers could fill the memory.
                self._keys.pop(place, None)
                return None
            if place not in self._out:
                self._keys[place] = (raw, time.monotonic())
        return Ed25519PublicKey.from_public_bytes(raw)

    def is_out(self, tenant_id: uuid.UUID, node_id: uuid.UUID) -> bool:
        """Say whether a node is known to be revoked, without asking anybody."""
        return (tenant_id, node_id) in self._out

    def put_out(self, tenant_id: uuid.UUID, node_id: uuid.UUID) -> bool:
        """Remember that a node is revoked for good; say whether that is news."""
        place = (tenant_id, node_id)
        is_news = place not in self._out
        self._out.add(place)
        self._keys.pop(place, None)
        return is_news

    def forget(self, tenant_id: uuid.UUID, node_id: uuid.UUID) -> None:
        """Ask the database for this node again at its next word."""
        self._keys.pop((tenant_id, node_id), None)

    def forget_all(self) -> None:
        """Ask the database for every node again: a notification may have been lost."""
        self._keys.clear()

    def _refuse_replay(self, node: str, nonce: str, now: int) -> None:
        while self._nonces:
            oldest = next(iter(self._nonces))
            if self._nonces[oldest] >= now and len(self._nonces) < _MOST_NONCES:
                break
            del self._nonces[oldest]
        if (node, nonce) in self._nonces:
            raise EdgeRefusal(401, "node.replayed", "This request was seen before.")
        # A proof may lie in the future by the accepted skew, so it counts twice that.
        self._nonces[(node, nonce)] = now + 2 * MAX_SKEW + 1
