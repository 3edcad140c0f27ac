"""Vocabularies of the app."""

from __future__ import annotations

from django.db import models


class Tier(models.TextChoices):
    """How much a permission can break, lowest first."""

    READ_ONLY = "read_only", "ReadOnly"
    OPERATOR = "operator", "Operator"
    ADMIN = "admin", "Admin"


class PrincipalType(models.TextChoices):
    """Who can act."""

    USER = "User", "User"
    SERVICE = "Service", "Service"


class AssignmentSource(models.TextChoices):
    """Why a principal holds a role."""

    STANDING = "standing", "Standing"
    ELEVATION = "elevation", "Elevation"
    DELEGATION = "delegation", "Delegation"
    BREAK_GLASS = "break_glass", "Break-glass"


class Workflow(models.TextChoices):
    """By which way an assignment came about. A retired value is not used again."""

    REQUEST = "request", "Approved request"
    DELEGATION = "delegation", "Accepted delegation"
    BREAK_GLASS = "break_glass", "Break-glass"
    REVIEW = "review", "Access review"
    SETUP = "setup", "Setup of the tenant"


class AttributeType(models.TextChoices):
    """What an attribute of a principal or resource holds."""

    TEXT = "string", "Text"
    INTEGER = "long", "Whole number"
    YES_NO = "bool", "Yes or no"
    TEXTS = "strings", "List of texts"


class AttributeSource(models.TextChoices):
    """Where the values of an attribute come from."""

    PORTAL = "portal", "Kept here"
    DIRECTORY = "directory", "Identity provider"
    INVENTORY = "inventory", "Inventory of resources"
    APPLICATION = "application", "Application that asks"


class SeparationKind(models.TextChoices):
    """How roles of a set are kept apart."""

    STATIC = "static", "Not held together"
    DYNAMIC = "dynamic", "Not used together"


class AssignmentState(models.TextChoices):
    """What is with an assignment at a moment."""

    NOW = "now", "Holds now"
    LATER = "later", "Later"
    EXPIRED = "expired", "Ended"
    REVOKED = "revoked", "Revoked"


class GrantAction(models.TextChoices):
    """What somebody may do to single objects; whoever may do more may see them."""

    VIEW = "view", "See"
    CHANGE = "change", "Change"
    ADD = "add", "Add"


class GrantState(models.TextChoices):
    """What is with a grant at a moment."""

    NOW = "now", "Holds now"
    EXPIRED = "expired", "Ended"
    REVOKED = "revoked", "Revoked"
