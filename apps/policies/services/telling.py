"""Tell those who approve and administer what becomes of policies, once each."""

from __future__ import annotations

import uuid

from django.urls import reverse

from apps.accounts.choices import TenantRole
from apps.accounts.rules import role_allows
from apps.accounts.selectors import members
from apps.notifications.choices import Event
from apps.notifications.services import notify
from apps.policies import selectors
from apps.policies.choices import Act
from apps.policies.models import Policy, PolicyAct, PolicyReminder
from apps.policies.rules import lifecycle

_VERBS = {
    Act.SUSPEND: "suspended",
    Act.RESUME: "resumed",
    Act.RETIRE: "retired",
    Act.ROLL_BACK: "rolled back",
}


def tell_of_act(policy: Policy, row: PolicyAct) -> None:
    """Tell approvers and security admins that somebody acted upon a policy."""
    verb = _VERBS[Act(row.act)]
    content = row.version.content if row.version else {}
    risk = lifecycle.risk_of(row.act, content)
    notify(
        event=Event.POLICY_ACTED,
        recipients={who for who in _deciders() if who != row.actor_id},
        title=f"{row.actor_name} {verb} the policy “{policy.name}”",
        body=f"{row.reason}\n{risk.reason}",
        path=page_of(policy),
        data={"who": row.actor_name, "what": policy.slug, "risk": risk.score},
        urgent=risk.is_risky,
    )


def tell_once(  # each part of what is told
    policy: Policy,
    key: str,
    *,
    event: Event,
    owner: str,
    title: str,
    body: str,
    urgent: bool = False,
) -> bool:
    """Tell the owner of a policy and the security admins something, but only once."""
    _, is_new = PolicyReminder.objects.get_or_create(
        tenant_id=policy.tenant_id, policy=policy, key=key
    )
    if is_new:
        inside, outside = _answerable(owner)
        for people, path in (
            (inside, page_of(policy)),
            (outside, reverse("policies:owned")),
        ):
            notify(
                event=event,
                recipients=people,
                title=title,
                body=body,
                path=path,
                data={"what": policy.slug},
                urgent=urgent,
            )
    return is_new


def page_of(policy: Policy) -> str:
    """Return the address of the page on which a policy's life is shown."""
    return reverse("policies:timeline", args=[policy.pk])


def _deciders() -> set[uuid.UUID]:
    wanted = {TenantRole.APPROVER, TenantRole.SECURITY_ADMIN}
    return {row.user_id for row in members() if wanted & set(row.roles)}


def _answerable(owner: str) -> tuple[set[uuid.UUID], set[uuid.UUID]]:
    """Return who is told inside of the console, and who has no business there."""
    inside: set[uuid.UUID] = set()
    outside: set[uuid.UUID] = set()
    for row in members():
        if TenantRole.SECURITY_ADMIN in row.roles or selectors.owns(row.user, owner):
            people = inside if role_allows(row.roles, "view") else outside
            people.add(row.user_id)
    return inside, outside
