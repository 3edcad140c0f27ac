"""Tell the edges about new releases."""

from __future__ import annotations

from apps.distribution import services
from apps.outbox import services as outbox
from apps.outbox.services import MessageEnvelope

RELEASE_SIGNED = "bundles.release_signed"


def release_signed(message: MessageEnvelope) -> None:
    """Wake the edges. Repeating it is harmless: they compare revisions."""
    services.announce_release(
        tenant_id=message.tenant_id, revision=int(message.payload["revision"])
    )


def register() -> None:
    """Name the handlers of this app."""
    outbox.register(RELEASE_SIGNED, release_signed)
