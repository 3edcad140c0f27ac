"""The first page: what to do next, what waits, how the fleet is."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

from apps.accounts import selectors
from apps.accounts.permissions import user_of
from apps.approvals import selectors as approvals
from apps.approvals.choices import RequestState
from apps.audit import selectors as audit
from apps.breakglass import selectors as breakglass
from apps.bundles import selectors as bundles
from apps.dashboard import selectors as dashboard
from portal.navigation import count

SHOWN = 5


@dataclass(frozen=True)
class Block:
    """A part of the page: its template, and what that shows."""

    template: str
    rows: object


@dataclass(frozen=True)
class Step:
    """One item of the getting-started list."""

    label: str
    hint: str
    url: str
    is_done: bool


def steps(request: HttpRequest) -> list[Step]:
    """Return what a new tenant needs, in the order it is needed."""
    user = user_of(request)
    people = count("accounts.Membership") or 0
    wanted: list[tuple[str, str, str, int | None]] = [
        (
            "Register a second passkey",
            "So that a lost key does not lock you out.",
            "accounts:account",
            selectors.usable_passkeys(user).count() - 1,
        ),
        (
            "Invite an approver",
            "Authors cannot approve their own changes.",
            "admin:accounts_membership_changelist",
            people - 1,
        ),
        (
            "Define a role",
            "Roles are the ceilings of what policies may permit.",
            "admin:roles_role_changelist",
            count("roles.Role"),
        ),
        (
            "Draft a policy",
            "Who may do what, where and when.",
            "admin:policies_policy_changelist",
            count("policies.Policy"),
        ),
        (
            "Have it approved",
            "An approver signs exactly what they read.",
            "admin:approvals_approvalrequest_changelist",
            count("approvals.ApprovalRequest", state="approved"),
        ),
        (
            "Enroll a node",
            "It verifies each release before it enforces it.",
            "admin:nodes_node_changelist",
            count("nodes.Node"),
        ),
    ]
    return [
        Step(label, hint, url, is_done=done > 0)
        for label, hint, name, done in wanted
        if done is not None and (url := _address(name))
    ]


def blocks(request: HttpRequest) -> list[Block]:
    """Return what the person may see of requests, releases and recent events."""
    user = user_of(request)
    found = []
    if user.has_perm("approvals.view_approvalrequest"):
        rows = approvals.requests().filter(state=RequestState.OPEN)[:SHOWN]
        found.append(Block("portal/overview/requests.html", rows))
    if user.has_perm("nodes.view_node"):
        state = dashboard.fleet_state(now=timezone.now())
        found.append(Block("portal/overview/fleet.html", state))
    if user.has_perm("bundles.view_release"):
        found.append(Block("portal/overview/releases.html", bundles.releases()[:SHOWN]))
    if user.has_perm("audit.view_auditentry"):
        found.append(Block("portal/overview/recent.html", audit.entries()[:SHOWN]))
    return found


def duties(request: HttpRequest) -> breakglass.Duties | None:
    """Return what security admins have to do so that an emergency finds them ready."""
    user = user_of(request)
    if not user.has_perm("breakglass.change_breakglassaccount"):
        return None
    return breakglass.duties()


def figures() -> list[tuple[str, int, str]]:
    """Return the numbers at the top of the page, with where they lead."""
    wanted = [
        ("Policies", count("policies.Policy"), "admin:policies_policy_changelist"),
        (
            "Open requests",
            count("approvals.ApprovalRequest", state="open"),
            "admin:approvals_approvalrequest_changelist",
        ),
        ("Releases", count("bundles.Release"), "admin:bundles_release_changelist"),
        ("Nodes", count("nodes.Node"), "admin:nodes_node_changelist"),
        (
            "People",
            count("accounts.Membership"),
            "admin:accounts_membership_changelist",
        ),
    ]
    return [
        (label, number, _address(name))
        for label, number, name in wanted
        if number is not None
    ]


def _address(name: str) -> str:
    try:
        return reverse(name)
    except NoReverseMatch:
        return ""
