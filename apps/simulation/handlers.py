"""Compute evidence when it was asked for, in a worker."""

from __future__ import annotations

import uuid

from apps.core.errors import PortwardError
from apps.outbox.services import MessageEnvelope, register
from apps.simulation import services
from apps.simulation.events import Topic
from apps.tenants.services import tenant_scope
from protocol.errors import ProtocolError


def register_handlers() -> None:
    """Subscribe to the outbox."""
    register(str(Topic.EVIDENCE), compute)


def compute(message: MessageEnvelope) -> None:
    """Compute; what cannot be computed is written down, other failures come again."""
    evidence_id = uuid.UUID(str(message.payload["evidence"]))
    try:
        services.compute(tenant_id=message.tenant_id, evidence_id=evidence_id)
    except (PortwardError, ProtocolError) as error:
        with tenant_scope(message.tenant_id):
            services.note_failure(evidence_id=evidence_id, error=error.message)
