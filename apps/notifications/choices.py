"""Vocabularies of the app."""

from __future__ import annotations

from django.db import models


class Event(models.TextChoices):
    """What people are told about. A retired value is never used again."""

    APPROVAL_REQUESTED = "approval.requested", "Your approval is asked for"
    APPROVAL_REMINDER = "approval.reminder", "Your approval is still asked for"
    APPROVAL_ESCALATED = "approval.escalated", "A request was escalated to you"
    APPROVAL_COMMENTED = "approval.commented", "Somebody spoke about a change"
    APPROVAL_DECIDED = "approval.decided", "A request of yours is decided"
    ELEVATION_ACTIVATED = "elevation.activated", "An elevation begins"
    ELEVATION_ENDING = "elevation.ending", "An elevation is about to end"
    ELEVATION_ENDED = "elevation.ended", "An elevation has ended"
    DELEGATION_OFFERED = "delegation.offered", "Access is offered to you"
    DELEGATION_ACCEPTED = "delegation.accepted", "What you lend is accepted"
    DELEGATION_ENDED = "delegation.ended", "A delegation has ended"
    ASSIGNMENT_OUT_OF_BAND = (
        "assignment.out_of_band",
        "A role was assigned outside of a request",
    )
    REVIEW_OPENED = "review.opened", "A review waits for you"
    REVIEW_REMINDER = "review.reminder", "A review still waits for you"
    POLICY_ENDING = "policy.ending", "A policy ends soon, or asks whether it shall"
    POLICY_REVIEW_DUE = "policy.review_due", "A policy is due for review"
    POLICY_ACTED = "policy.acted", "A policy was suspended, retired or rolled back"
    LINTER_FINDING = "linter.finding", "The linter found something"


class Mail(models.TextChoices):
    """Whether a person is mailed about an event."""

    AT_ONCE = "at_once", "At once"
    DIGEST = "digest", "Daily digest"
    OFF = "off", "Off"


class ChannelKind(models.TextChoices):
    """What stands at the other end of a channel."""

    WEBHOOK = "webhook", "Webhook (CloudEvents, signed)"
    SLACK = "slack", "Slack"
    TEAMS = "teams", "Microsoft Teams"


class DeliveryKind(models.TextChoices):
    """By which way something is delivered."""

    MAIL = "mail", "E-mail"
    DIGEST = "digest", "E-mail digest"
    WEBHOOK = "webhook", "Webhook"
    SLACK = "slack", "Slack"
    TEAMS = "teams", "Teams"


class DeliveryState(models.TextChoices):
    """Where a delivery stands."""

    WAITING = "waiting", "Waiting"
    RETRYING = "retrying", "Failed, tried again"
    SENT = "sent", "Delivered"
    FAILED = "failed", "Given up"
