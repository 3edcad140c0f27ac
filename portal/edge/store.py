"""The edge's questions to the database, on threads of its own.

Django's connections belong to threads, and the event loop must never wait for one.
"""

from __future__ import annotations

import asyncio
import base64
import datetime as dt
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from django.db import close_old_connections
from django.utils import timezone

from apps.bundles import selectors as bundles
from apps.bundles.selectors import DeltaEnvelopes
from apps.core.errors import PortwardError
from apps.distribution import services as distribution
from apps.distribution.services import ReceivedReport
from apps.limits import services as limits
from apps.nodes import selectors as nodes
from apps.nodes import services as node_services
from apps.tenants.errors import TenantNotFoundError
from apps.tenants.selectors import tenant_by_id
from apps.tenants.services import tenant_scope
from portal.edge.wire import EdgeRefusal
from protocol.decisions import Chunk

# Longer than a poll is parked and a key is believed; older ones are refused by then.
REVOKED_LATELY = dt.timedelta(minutes=5)

T = TypeVar("T")


@dataclass(frozen=True)
class Offer:
    """What an edge offers the nodes of a tenant at the moment.

    `deltas` are for nodes that hold an older release, by its entity tag.
    """

    revision: int
    etag: str
    body: bytes
    deltas: DeltaEnvelopes
    stamp: bytes
    stamp_version: int


class Store:
    """Run ORM work on two threads: one answers, the other writes down.

    What nodes report comes in floods, and a release must not wait behind it.
    """

    def __init__(self) -> None:
        self._asking, self._recording = self.threads = tuple(
            ThreadPoolExecutor(1, thread_name_prefix=f"edge-{name}")
            for name in ("database", "recording")
        )

    async def run(self, work: Callable[..., T], *args: Any) -> T:  # noqa: ANN401
        """Run a function on the thread that answers."""
        return await self._on(self._asking, work, *args)

    def close(self) -> None:
        """End the threads when their work is done."""
        for thread in self.threads:
            thread.shutdown(wait=False, cancel_futures=True)

    async def _on(
        self,
        thread: ThreadPoolExecutor,
        work: Callable[..., T],
        *args: Any,  # noqa: ANN401
    ) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(thread, _fresh, work, *args)

    async def offer(self, tenant_id: uuid.UUID) -> Offer | None:
        """Return the newest signed release of a tenant."""
        return await self.run(_offer, tenant_id)

    async def position(self, tenant_id: uuid.UUID) -> tuple[int, int] | None:
        """Return revision and timestamp version: cheap, to see whether to load."""
        return await self.run(_position, tenant_id)

    async def node_key(self, tenant_id: uuid.UUID, node_id: uuid.UUID) -> bytes | None:
        """Return the public key of an active node."""
        return await self.run(_node_key, tenant_id, node_id)

    async def revoked_nodes(self, tenant_id: uuid.UUID) -> list[uuid.UUID]:
        """Return the nodes of a tenant that were put out lately."""
        return await self.run(_revoked_nodes, tenant_id)

    async def record(self, batch: Mapping[uuid.UUID, Sequence[ReceivedReport]]) -> None:
        """Record reports."""
        await self._on(self._recording, distribution.record_reports, batch)

    async def record_decisions(
        self, tenant_id: uuid.UUID, node_id: uuid.UUID, chunk: Chunk
    ) -> None:
        """Record what a node decided."""
        await self._on(self._recording, _record_decisions, tenant_id, node_id, chunk)

    async def note_refusals(self, counts: Mapping[tuple[str, str], int]) -> None:
        """Count refusals by code and address."""
        await self._on(self._recording, _note_refusals, counts)

    async def enroll(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Let a node in; refuses with the service's own code."""
        try:
            return await self.run(_enroll, body)
        except TenantNotFoundError as error:
            # Whether a tenant exists is not told to strangers.
            raise EdgeRefusal(
                403,
                "nodes.join_token_refused",
                "The join token is unknown, used or expired.",
            ) from error
        except PortwardError as error:
            raise EdgeRefusal(403, error.code, error.message, error.remedy) from error


def _fresh(work: Callable[..., T], *args: object) -> T:
    """Run on a connection that still works: the database may have been restarted."""
    close_old_connections()
    return work(*args)


def _offer(tenant_id: uuid.UUID) -> Offer | None:
    with tenant_scope(tenant_id):
        envelope = bundles.envelope()
        stamp = bundles.timestamp()
    if envelope is None or stamp is None:
        return None
    return Offer(
        revision=envelope.revision,
        etag=envelope.etag,
        body=envelope.body,
        deltas=envelope.deltas,
        stamp=base64.b64encode(bytes(stamp.metadata)),
        stamp_version=stamp.version,
    )


def _position(tenant_id: uuid.UUID) -> tuple[int, int] | None:
    with tenant_scope(tenant_id):
        stamp = bundles.timestamp()
        return None if stamp is None else (stamp.release.revision, stamp.version)


def _node_key(tenant_id: uuid.UUID, node_id: uuid.UUID) -> bytes | None:
    with tenant_scope(tenant_id):
        return nodes.node_key(node_id)


def _revoked_nodes(tenant_id: uuid.UUID) -> list[uuid.UUID]:
    with tenant_scope(tenant_id):
        return nodes.revoked_since(timezone.now() - REVOKED_LATELY)


def _record_decisions(tenant_id: uuid.UUID, node_id: uuid.UUID, chunk: Chunk) -> None:
    distribution.record_decisions(tenant_id=tenant_id, node_id=node_id, chunk=chunk)


def _note_refusals(counts: Mapping[tuple[str, str], int]) -> None:
    for (code, address), count in counts.items():
        limits.note_refusal(code=code, address=address, count=count)


def _enroll(body: Mapping[str, Any]) -> dict[str, Any]:
    fields = {
        name: body.get(name) for name in ("tenant", "token", "name", "public_key")
    }
    for name, value in fields.items():
        if not isinstance(value, str) or not value:
            raise EdgeRefusal(400, "edge.field_missing", f"{name}: a text is required.")
    try:
        tenant_id = uuid.UUID(str(fields["tenant"]))
    except ValueError as error:
        raise EdgeRefusal(400, "edge.tenant_invalid", "tenant: not a UUID.") from error
    tenant_by_id(tenant_id)
    with tenant_scope(tenant_id):
        root = bundles.current_root()
        if root is None:
            raise EdgeRefusal(
                409,
                "bundles.no_release",
                "This tenant has no release yet, so there is nothing to trust.",
                "Approve the first policy, then enroll; the token was not used.",
            )
        node = node_services.enroll_node(
            token=str(fields["token"]),
            name=str(fields["name"]),
            public_key=str(fields["public_key"]),
        )
        newest = bundles.newest_signed()
        return {
            "node": str(node.pk),
            "tenant": str(tenant_id),
            "root": base64.b64encode(bytes(root.metadata)).decode("ascii"),
            "revision": newest.revision if newest else None,
            "groups": sorted(node.groups.values_list("slug", flat=True)),
        }
