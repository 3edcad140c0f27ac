"""Carry out what the outbox says: split up, and deliver. At least once."""

from __future__ import annotations

import uuid

from apps.core.errors import PortwardError
from apps.limits.errors import DependencyDownError
from apps.limits.services import begin_call, end_call
from apps.notifications import adapters, services
from apps.notifications.choices import DeliveryState
from apps.notifications.errors import (
    AddressRefusedError,
    DeliveryFailedError,
    UnreachableError,
)
from apps.notifications.events import Topic
from apps.notifications.services import Outcome, Parcel
from apps.outbox.services import MessageEnvelope, register
from apps.tenants.services import tenant_scope

_SUCCESS = range(200, 300)
_TOO_MANY = 429
_SERVER_ERROR = 500


def register_handlers() -> None:
    """Subscribe to the outbox."""
    register(str(Topic.TOLD), split_up)
    register(str(Topic.DELIVER), deliver)


def split_up(message: MessageEnvelope) -> None:
    """Write a delivery for each mailbox and channel."""
    with tenant_scope(message.tenant_id):
        services.fan_out(
            batch=uuid.UUID(message.payload["batch"]),
            content=message.payload["content"],
        )


def deliver(message: MessageEnvelope) -> None:
    """Send one delivery; a failure is recorded and left to the outbox to try again."""
    delivery_id = uuid.UUID(message.payload["delivery"])
    try:
        with tenant_scope(message.tenant_id):
            parcel = services.prepare(delivery_id=delivery_id)
        if parcel is None:
            return
        outcome = _attempt(parcel)
    except PortwardError as error:
        outcome = Outcome(error=error.message)
    with tenant_scope(message.tenant_id):
        state = services.record(delivery_id=delivery_id, outcome=outcome)
    if state is DeliveryState.RETRYING:
        raise DeliveryFailedError(outcome.error)


def _attempt(parcel: Parcel) -> Outcome:
    try:
        call = begin_call(
            key=parcel.dependency, label=parcel.label, tenant_id=parcel.tenant_id
        )
    except DependencyDownError as error:
        return Outcome(error=error.message)
    outcome = Outcome(error="It was interrupted.")
    try:
        outcome = _send(parcel)
    finally:
        end_call(call, error=outcome.error if _is_down(outcome) else "")
    return outcome


def _send(parcel: Parcel) -> Outcome:
    try:
        if parcel.is_mail:
            adapters.send_mail(
                message_id=parcel.delivery_id,
                address=parcel.address,
                subject=parcel.subject,
                text=parcel.body,
            )
            return Outcome()
        answer = adapters.post(
            parcel.address, body=parcel.body.encode(), headers=parcel.headers
        )
    except UnreachableError as error:
        return Outcome(error=error.message, status_code=error.answered)
    except AddressRefusedError as error:
        # Nothing was called, so nothing is down.
        return Outcome(error=error.message, status_code=None, is_refused=True)
    is_taken = answer.status in _SUCCESS
    said = "" if is_taken else f"The other end answered {answer.status}."
    return Outcome(said, answer.status, answer.milliseconds)


def _is_down(outcome: Outcome) -> bool:
    """Say whether the other end failed; that it refused one message is an answer."""
    if not outcome.error or outcome.is_refused:
        return False
    status = outcome.status_code
    return status is None or status >= _SERVER_ERROR or status == _TOO_MANY
