"""A tenant that holds one of everything an address can name, and people around it."""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from django.apps import apps
from django.test import Client
from django.utils import timezone

from apps.accounts import services as accounts
from apps.accounts.models import ApiToken, Membership, User
from apps.accounts.services import actor_for
from apps.approvals import services as approvals
from apps.approvals.choices import ItemKind, RequestKind
from apps.approvals.services import request_elevation, set_flow
from apps.audit.events import Actor
from apps.breakglass import services as breakglass
from apps.delegations import services as delegations
from apps.delegations.rules import Limits, Times
from apps.distribution import services as distribution
from apps.elevations.rules import ElevationSpec
from apps.federation import services as federation
from apps.keys.tasks import ensure_tenant_keys
from apps.nodes.models import Node
from apps.notifications import services as notifications
from apps.notifications.choices import ChannelKind
from apps.notifications.models import Notification
from apps.policies import services as policies
from apps.policies.selectors import draft_by_id
from apps.reviews import services as reviews
from apps.reviews.rules import CampaignSpec
from apps.roles import services as roles
from apps.roles.models import PrincipalGroup, Role
from apps.roles.rules import (
    AssignmentSpec,
    EntrySpec,
    GroupSpec,
    RoleSpec,
    SeparationSpec,
)
from apps.signin import services as signin
from apps.signin.models import SignIn
from apps.signin.rules.operations import Operation
from apps.simulation import services as simulation
from apps.simulation.selectors import change_of_draft
from apps.tenants.models import Tenant, TenantModel
from apps.tenants.services import tenant_scope
from protocol.decisions import Chunk
from protocol.records import EntityRef
from tests.factories.access import make_unused_scopes
from tests.factories.accounts import (
    make_authenticator,
    make_user,
    register_passkey,
    sign_in,
)
from tests.factories.approvals import make_draft, make_request
from tests.factories.bundles import release_of
from tests.factories.changes import NIGHT
from tests.factories.clients import make_program, token_of
from tests.factories.elevations import offer
from tests.factories.grants import delegate
from tests.factories.nodes import decision_entry, enroll, report
from tests.simulators.authenticator import SimulatedAuthenticator

ACTOR = Actor.command("tests")
SESSION = "session"


class Person(StrEnum):
    """Who asks."""

    ANONYMOUS = "anonymous"
    STRANGER = "stranger"
    FORMER = "former"
    FROZEN = "frozen"
    AUDITOR = "auditor"
    APPROVER = "approver"
    ADMIN = "admin"


@dataclass(frozen=True)
class World:
    """What addresses name, and a way to ask as somebody."""

    tenant: Tenant
    people: dict[Person, User]
    tokens: dict[Person, str]
    authenticators: dict[Person, SimulatedAuthenticator]
    clients: dict[Person, Client]
    words: dict[str, str]

    def value(self, about: str) -> str:
        """Return what stands in an address: a fixed word, or the key of a row."""
        if about in self.words:
            return self.words[about]
        with tenant_scope(self.tenant.pk):
            row = apps.get_model(about)._default_manager.first()
        assert row is not None, f"make one {about} in tests/walk/world.py"
        return str(row.pk)

    def confirm(self, person: Person, operation_id: str) -> None:
        """Let the person's passkey sign the operation that waits for it."""
        user = self.people[person]
        pending = signin.waiting_operation(
            user=user, operation_id=uuid.UUID(operation_id)
        )
        options = signin.begin_proof(user=user, session_key=SESSION, pending=pending)
        signin.confirm(
            user=user,
            pending=pending,
            ceremony_id=str(options.ceremony_id),
            credential=self.authenticators[person].get(options.public_key),
        )

    def let_time_pass(self, person: Person) -> None:
        """Make the session's proofs and its elevation hours old."""
        row = SignIn.objects.get(user=self.people[person])
        old = timezone.now() - dt.timedelta(hours=3)
        row.factors = [dict(f, at=int(old.timestamp())) for f in row.factors]
        row.elevated_at = row.elevated_seen_at = old
        row.save()

    def keys(self) -> frozenset[str]:
        """Return the keys of the tenant's rows, which nobody else may ever see."""
        with tenant_scope(self.tenant.pk):
            return frozenset(
                str(key)
                for model in apps.get_models()
                if issubclass(model, TenantModel)
                for key in model._default_manager.values_list("pk", flat=True)
            )


def build_world(tenant: Tenant, other: Tenant, folder: Path) -> World:
    """Make the tenant's things through services, and everybody who asks for them."""
    people = {
        Person.STRANGER: make_user("mallory", ["security_admin"], tenant=other),
        Person.AUDITOR: make_user("audrey", ["auditor"], tenant=tenant),
        Person.APPROVER: make_user("ann", ["approver"], tenant=tenant),
        Person.ADMIN: make_user("ada", ["security_admin"], tenant=tenant),
        Person.FORMER: make_user("fred", ["security_admin"], tenant=tenant),
        Person.FROZEN: make_user("frida", ["security_admin"], tenant=tenant),
    }
    tokens = {
        person: token_of(other if person is Person.STRANGER else tenant, user)
        for person, user in people.items()
    }
    authenticators = {person: make_authenticator(folder) for person in people}
    clients = {Person.ANONYMOUS: Client()} | {
        person: _sign_in(user, authenticators[person])
        for person, user in people.items()
    }
    admin = people[Person.ADMIN]
    link = _fill(tenant, admin)
    session = SignIn.objects.get(user=admin)
    waiting = signin.hold(
        sign_in=session,
        operation=Operation.LIFT_FREEZE,
        method="POST",
        path="/admin/",
        fields=[],
        tenant_id=None,
    )
    with tenant_scope(tenant.pk):
        accounts.revoke_membership(actor=actor_for(admin), user=people[Person.FORMER])
        freeze = accounts.freeze(
            actor=ACTOR,
            user=people[Person.FROZEN],
            reason="The laptop was lost.",
            lifetime=dt.timedelta(hours=1),
        )
        mine = Membership.objects.get(user=people[Person.AUDITOR])
        token = ApiToken.objects.get(user=admin)
    _break_glass(tenant, admin, folder)
    _elevate(tenant, admin)
    _lend(tenant, people)
    _keep_apart(tenant)
    _change(tenant, admin)
    _review(tenant, people)
    notice = _tell(tenant, admin)
    words = {
        "notification of the admin": str(notice),
        "membership of the auditor": str(mine.pk),
        "token of the admin": str(token.pk),
        "slug of the tenant": tenant.slug,
        "slug of an area": "access",
        "act upon a policy": "suspend",
        "number of a version": "1",
        "number of a release": "1",
        "target of an export": "istio",
        "file of an export": "manifests.yaml",
        "label of an app": "roles",
        "enrollment token": link,
        "passkey of the admin": str(
            register_passkey(admin, make_authenticator(folder)).pk
        ),
        "freeze of the frozen": str(freeze.pk),
        "slug of the provider": "sso",
        "link of the admin": str(_federate(tenant, admin)),
        "session of the auditor": str(
            SignIn.objects.get(user=people[Person.AUDITOR]).pk
        ),
        "session of the admin": str(session.pk),
        "device of the admin": str(session.device_id),
        "operation of the admin": str(waiting.pk),
        "content type": "1",
        "arap of nobody": str(uuid.UUID(int=7)),
        "yaml": "yaml",
        "resources": "resources",
        "number of nothing": "987654321",
        "anything": "nothing/here",
    }
    return World(tenant, people, tokens, authenticators, clients, words)


def _lend(tenant: Tenant, people: dict[Person, User]) -> None:
    """Let the auditor offer the admin a role, and the approver be away."""
    auditor, until = people[Person.AUDITOR], timezone.now() + dt.timedelta(hours=1)
    with tenant_scope(tenant.pk):
        ref = EntityRef("User", auditor.username)
        row = roles.save_principal(actor=ACTOR, spec=EntrySpec(ref))
        roles.link_person(actor=ACTOR, principal_id=row.pk, user_id=auditor.pk)
        roles.assign_role(actor=ACTOR, spec=AssignmentSpec(ref, "developer"))
        delegations.set_policy(actor=ACTOR, limits=Limits(is_allowed=True))
        delegations.offer(
            actor=actor_for(auditor),
            user=auditor,
            spec=delegations.OfferSpec(
                EntityRef("User", people[Person.ADMIN].username),
                "developer",
                until,
                "On holiday.",
            ),
        )
        delegations.offer_absence(
            actor=ACTOR,
            user=people[Person.APPROVER],
            stand_in=make_user("abe", ["approver"], tenant=tenant),
            times=Times(timezone.now(), until),
            reason="On holiday.",
        )


def _change(tenant: Tenant, admin: User) -> None:
    """Let the admin begin a set of changes, and say something about it."""
    actor = actor_for(admin)
    with tenant_scope(tenant.pk):
        row = approvals.create_change_set(actor=actor, title="Walk", reason="To walk.")
        approvals.put_change(
            actor=actor, set_id=row.pk, kind=ItemKind.WINDOW, content=NIGHT
        )
        approvals.add_comment(
            actor=actor, about=approvals.About(row), body="Is this wide enough?"
        )


def _review(tenant: Tenant, people: dict[Person, User]) -> None:
    """Ask the admin and the approver who still needs what."""
    asked = (people[Person.ADMIN].pk, people[Person.APPROVER].pk)
    with tenant_scope(tenant.pk):
        campaign = reviews.save_campaign(
            actor=ACTOR,
            spec=CampaignSpec("All roles", reviewers="named", named=asked),
        )
        reviews.open_run(actor=ACTOR, campaign_id=campaign.pk)
        reviews.save_campaign(actor=ACTOR, spec=CampaignSpec("Once more"))


def _tell(tenant: Tenant, admin: User) -> uuid.UUID:
    """Tell the admin something, and return the notification."""
    with tenant_scope(tenant.pk):
        notifications.notify(
            event="review.opened",
            recipients=[admin.pk],
            title="A review waits for you",
            body="Twelve roles of the database team.",
            path="/admin/",
        )
        channel, _secret = notifications.create_channel(
            actor=ACTOR,
            kind=ChannelKind.WEBHOOK,
            spec=notifications.ChannelSpec("Walk", "https://hooks.example/walk"),
        )
        notifications.send_test(actor=ACTOR, channel_id=channel.pk)
        return Notification.objects.get(user=admin, title="A review waits for you").pk


def _elevate(tenant: Tenant, admin: User) -> None:
    """Let the admin ask for a role, and let a node decide something."""
    with tenant_scope(tenant.pk):
        row = roles.save_principal(
            actor=ACTOR, spec=EntrySpec(EntityRef("User", admin.username))
        )
        roles.link_person(actor=ACTOR, principal_id=row.pk, user_id=admin.pk)
        offered = offer(row)
        request_elevation(
            actor=actor_for(admin),
            requester=admin,
            spec=ElevationSpec(offered.pk, 5, "The shop does not answer."),
        )
        node = Node.objects.get()
    distribution.record_decisions(
        tenant_id=tenant.pk,
        node_id=node.pk,
        chunk=Chunk("boot", 1, 0, (decision_entry(),)),
    )


def _keep_apart(tenant: Tenant) -> None:
    """Leave a group, two roles that are kept apart, and an exception from that."""
    users = [EntityRef("User", name) for name in ("walk-owner", "walk-exempt")]
    with tenant_scope(tenant.pk):
        for user in users:
            roles.save_principal(actor=ACTOR, spec=EntrySpec(user))
        roles.save_group(actor=ACTOR, spec=GroupSpec("walkers", "Walkers", (users[0],)))
        for slug in ("walk-buyer", "walk-payer"):
            roles.save_role(actor=ACTOR, spec=RoleSpec(slug, slug, "operator"))
        row = roles.save_separation(
            actor=ACTOR,
            spec=SeparationSpec("walk", "Walk", "static", ("walk-buyer", "walk-payer")),
            owner=users[0],
        )
        roles.grant_exception(
            actor=ACTOR,
            separation_id=row.pk,
            principal=users[1],
            owner=users[0],
            reason="The walk needs one.",
            until=timezone.now() + dt.timedelta(days=1),
        )
        buyer = Role.objects.get(slug="walk-buyer")
        group = PrincipalGroup.objects.get(slug="walkers")
        delegate(group, "change", buyer, actor=ACTOR)


def _federate(tenant: Tenant, admin: User) -> uuid.UUID:
    """Let the tenant's people sign in elsewhere, and return the admin's link."""
    values = federation.ProviderValues(
        name="Walk SSO",
        slug="sso",
        issuer="https://idp.example",
        client_id="portward",
        client_auth="client_secret_post",
        secret=uuid.uuid4().hex,
    )
    found = {
        name: f"https://idp.example/{name}"
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")
    }
    with tenant_scope(tenant.pk):
        provider = federation.create_provider(
            actor=ACTOR, values=values, metadata=found
        )
        link = federation.link(
            actor=ACTOR, provider=provider, user=admin, subject="ada-at-idp"
        )
    return link.pk


def _break_glass(tenant: Tenant, admin: User, folder: Path) -> None:
    """Leave a break-glass account whose last use waits for its review."""
    user = make_user("glass", ["auditor"], tenant=tenant)
    client = Client()
    passkey = register_passkey(user, make_authenticator(folder))
    with tenant_scope(tenant.pk):
        breakglass.seal(actor=actor_for(admin), user=user)
    sign_in(client, user, passkey)
    with tenant_scope(tenant.pk):
        used = breakglass.break_glass(
            actor=actor_for(user),
            user=user,
            reason="The identity provider is down.",
            minutes=15,
            sign_in_id=SignIn.objects.get(user=user).pk,
            proof_id=uuid.UUID(int=1),
        )
        breakglass.end_activation(actor=ACTOR, activation_id=used.pk)


def _sign_in(user: User, authenticator: SimulatedAuthenticator) -> Client:
    client = Client()
    sign_in(client, user, register_passkey(user, authenticator))
    return client


def _fill(tenant: Tenant, admin: User) -> str:
    """Make one of everything, and return the token of an enrollment link."""
    ensure_tenant_keys(actor=ACTOR, tenant_id=tenant.pk)
    make_program(tenant)
    node = enroll(tenant, "web-1", "web")
    report(node)
    with tenant_scope(tenant.pk):
        make_unused_scopes()
        accounts.sign_in_policy_row()
        frozen = draft_by_id(make_draft(admin, "Frozen"))
        policies.freeze_version(
            actor=actor_for(admin),
            draft_id=frozen.pk,
            expected_digest=frozen.digest,
            request_id=uuid.uuid4(),
        )
        make_request(admin, make_draft(admin))
        simulation.request_evidence(
            actor=actor_for(admin),
            title="A draft",
            changes=[change_of_draft(draft_by_id(make_draft(admin, "Measured")))],
        )
        set_flow(actor=ACTOR, kind=RequestKind.ELEVATION, quorum=1)
        link = accounts.issue_enrollment_link(actor=actor_for(admin), user=admin)
    release_of(tenant, "walker")
    return link
