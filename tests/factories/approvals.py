"""Make drafts, requests and votes through the same services as the UI."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from apps.accounts.models import Passkey, User
from apps.accounts.services import actor_for
from apps.approvals import selectors, services
from apps.approvals.choices import Verdict
from apps.approvals.models import ApprovalRequest, Vote
from apps.policies.models import PolicyVersion
from apps.policies.selectors import draft_by_id
from apps.policies.services import save_draft
from apps.roles.selectors import resource_types
from apps.simulation.services import compute
from apps.tenants.models import Tenant
from tests.factories.access import build_access
from tests.factories.accounts import make_authenticator, make_user, register_passkey
from tests.factories.policies import with_tests
from tests.simulators.authenticator import SimulatedAuthenticator

SESSION = "session"
CONTENT: dict[str, Any] = {
    "effect": "permit",
    "tier": "operator",
    "owner": "Platform team",
    "principals": [{"type": "Role", "id": "developer"}],
    "actions": ["deploy"],
    "resources": [{"type": "Namespace", "id": "shop"}],
    "windows": ["office-hours"],
    "locations": ["office"],
    "conditions": [{"attribute": "mfa", "op": ">=", "value": 2}],
}


@dataclass
class Person:
    """A member with an authenticator in the hand."""

    user: User
    authenticator: SimulatedAuthenticator
    passkey: Passkey

    def sign(
        self,
        request: ApprovalRequest,
        verdict: Verdict = Verdict.APPROVE,
        reason: str = "",
    ) -> tuple[uuid.UUID, dict[str, Any]]:
        """Return the ceremony and the signed answer for one vote."""
        options = services.begin_vote(
            voter=self.user,
            request_id=request.pk,
            verdict=verdict,
            reason=reason,
            session_key=SESSION,
        )
        return options.ceremony_id, self.authenticator.get(options.public_key)

    def vote(
        self,
        request: ApprovalRequest,
        verdict: Verdict = Verdict.APPROVE,
        reason: str = "",
    ) -> Vote:
        """Sign and record a vote."""
        ceremony_id, credential = self.sign(request, verdict, reason)
        return services.record_vote(
            actor=actor_for(self.user),
            voter=self.user,
            request_id=request.pk,
            verdict=verdict,
            reason=reason,
            ceremony_id=ceremony_id,
            credential=credential,
        )


@dataclass
class People:
    """The members of a tenant, made when first asked for."""

    tenant: Tenant
    folder: Path
    known: dict[str, Person] = field(default_factory=dict)

    def __call__(self, username: str, *roles: str) -> Person:
        """Return the person of this name; the roles count the first time."""
        if username not in self.known:
            user = make_user(username, roles or ("approver",), tenant=self.tenant)
            authenticator = make_authenticator(self.folder)
            passkey = register_passkey(user, authenticator)
            self.known[username] = Person(user, authenticator, passkey)
        return self.known[username]


def make_draft(author: User, name: str = "Office hours") -> uuid.UUID:
    """Return the id of a draft that compiles."""
    if not resource_types().exists():
        build_access()
    draft = save_draft(
        actor=actor_for(author),
        policy_id=None,
        content=CONTENT | {"name": name},
        expected_lock=None,
    )
    return draft.pk


def edit_draft(draft_id: uuid.UUID, editor: User) -> None:
    """Change what a draft says."""
    draft = draft_by_id(draft_id)
    save_draft(
        actor=actor_for(editor),
        policy_id=draft.policy_id,
        content=with_tests(draft.content | {"effect": "forbid"}),
        expected_lock=draft.lock,
    )


def make_request(
    opener: User, *draft_ids: uuid.UUID, is_proven: bool = True
) -> ApprovalRequest:
    """Return an open request for the drafts, with its evidence."""
    request = services.open_request(
        actor=actor_for(opener),
        draft_ids=draft_ids,
        title="Open the office",
        reason="Operators restart nodes by day.",
    )
    if is_proven:
        prove(request)
    return request


def prove(request: ApprovalRequest) -> None:
    """Compute the evidence that a request waits for."""
    request.refresh_from_db()
    proof = selectors.proof_of_request(request)
    if proof is not None and not proof.is_done:
        compute(tenant_id=request.tenant_id, evidence_id=proof.id)


def frozen_by(request: ApprovalRequest) -> int:
    """Return how many versions the request froze."""
    return PolicyVersion.objects.filter(request_id=request.pk).count()
