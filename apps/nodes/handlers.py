"""Messages about nodes."""

from __future__ import annotations

import logging

from apps.nodes.events import NodeTopic
from apps.outbox import services as outbox
from apps.outbox.services import MessageEnvelope

logger = logging.getLogger(__name__)


def node_changed(message: MessageEnvelope) -> None:
    """Note the change; the edge was woken by the transaction itself."""
    logger.info("node %s changed", message.payload.get("node"))


def register() -> None:
    """Name the handlers of this app."""
    outbox.register(NodeTopic.CHANGED, node_changed)
