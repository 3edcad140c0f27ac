"""Vocabularies of the app."""

from __future__ import annotations

from django.db import models


class TenantRole(models.TextChoices):
    """What a member may do in a tenant."""

    SECURITY_ADMIN = "security_admin", "Security admin"
    APPROVER = "approver", "Approver"
    AUDITOR = "auditor", "Auditor"
    # Sees their own access, asks for more, and lends it; nothing of the console.
    MEMBER = "member", "Member"


class CeremonyPurpose(models.TextChoices):
    """What an answer of an authenticator is asked for."""

    REGISTRATION = "reg", "Registration"
    LOGIN = "login", "Sign-in"
    OPERATION = "operation", "Operation"


class Scope(models.TextChoices):
    """What a token lets a program do over REST. A retired value is not used again."""

    TENANTS_READ = "tenants.read", "Read the tenant's name"
    ROLES_READ = "roles.read", "Read roles, assignments and registries"
    ROLES_WRITE = "roles.write", "Change roles and registries"
    SCOPES_READ = "scopes.read", "Read time windows, calendars and locations"
    SCOPES_WRITE = "scopes.write", "Change time windows, calendars and locations"
    REQUESTS_READ = "requests.read", "Read approval requests and flows"
    REQUESTS_WRITE = "requests.write", "Open, cancel and vote on approval requests"
    ELEVATIONS_READ = "elevations.read", "Read elevations and what may be requested"
    ELEVATIONS_WRITE = "elevations.write", "Request, activate and end elevations"
    DELEGATIONS_READ = "delegations.read", "Read delegations"
    DELEGATIONS_WRITE = "delegations.write", "Offer, accept and revoke delegations"
    ACCESS_EXPLAIN = "access.explain", "Ask who can do what, and why"
    REVIEWS_READ = "reviews.read", "Read access reviews"
    REVIEWS_WRITE = "reviews.write", "Run access reviews and decide in them"
    NOTIFICATIONS_READ = "notifications.read", "Read notifications and their channels"
    NOTIFICATIONS_WRITE = "notifications.write", "Change notification channels"
    CONFIGURATION_READ = "configuration.read", "Read the whole tenant as a file"
    CONFIGURATION_WRITE = "configuration.write", "Plan and apply the tenant's file"
    POLICIES_READ = "policies.read", "Read policies and their versions"
    POLICIES_WRITE = "policies.write", "Draft, suspend, retire and roll back policies"
    RELEASES_READ = "releases.read", "Read releases"
    BUNDLE_READ = "bundle.read", "Fetch the signed bundle"
    NODES_READ = "nodes.read", "Read nodes"
    OPERATIONS_CONFIRM = "operations.confirm", "Ask for operations to be confirmed"
    AUDIT_READ = "audit.read", "Read the audit trail"
    SESSIONS_READ = "sessions.read", "Read who is signed in"
    SESSIONS_WRITE = "sessions.write", "End sessions"
    FREEZES_READ = "freezes.read", "Read who is frozen"
    FREEZES_WRITE = "freezes.write", "Freeze people and sessions"


# What a 401 asks for (RFC 6750, section 3).
BEARER = 'Bearer realm="portward"'


class CodeDeviceKind(models.TextChoices):
    """What a one-time code is made from."""

    TOTP = "totp", "Authenticator app"
    HOTP = "hotp", "Counter token"


class FallbackKind(models.TextChoices):
    """What a tenant may accept besides passkeys, always with a password."""

    TOTP = "totp", "Authenticator app (TOTP)"
    HOTP = "hotp", "Counter token (HOTP)"
    RECOVERY = "recovery", "Recovery code"


class AttestationPolicy(models.TextChoices):
    """What new passkeys have to prove about where they live."""

    NONE = "none", "Any authenticator"
    VERIFIED = "verified", "Authenticators whose maker's certificate is verified"
