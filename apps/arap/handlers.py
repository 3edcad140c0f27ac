"""Tell a program that its request has come to an end."""

from __future__ import annotations

import json
import uuid

from apps.arap.events import Topic
from apps.arap.models import AccessRequest
from apps.limits.services import begin_call, end_call
from apps.notifications.adapters import post
from apps.notifications.errors import AddressRefusedError, UnreachableError
from apps.outbox.services import MessageEnvelope, register
from apps.tenants.services import tenant_scope

_SUCCESS = range(200, 300)


def register_handlers() -> None:
    """Subscribe to the outbox."""
    register(str(Topic.CALLBACK), call_back)


def call_back(message: MessageEnvelope) -> None:
    """Say which task ended and how; the result is for whoever asks with their token.

    What is sent grants nothing, so an answer that somebody else reads is worth nothing.
    Raises UnreachableError, and the outbox tries again.
    """
    with tenant_scope(message.tenant_id):
        row = AccessRequest.objects.get(pk=uuid.UUID(message.payload["request"]))
    body = {
        "task": {"id": str(row.pk), "status": row.status},
        "state": row.callback_state,
    }
    call = begin_call(
        key=f"arap/{row.node_id}",
        label="Callback of access requests",
        tenant_id=row.tenant_id,
    )
    error = "It was interrupted."
    try:
        answer = post(
            row.callback_url,
            body=json.dumps(body).encode(),
            headers={"content-type": "application/json"},
        )
        error = "" if answer.status in _SUCCESS else f"It answered {answer.status}."
    except UnreachableError as failure:
        error = failure.message
        raise
    except AddressRefusedError:
        # Nothing was called; trying again would not change that.
        error = ""
        return
    finally:
        end_call(call, error=error)
    if error:
        raise UnreachableError(error, status=answer.status)
