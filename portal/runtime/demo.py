"""Load the demo tenants and walk their first release through to the local agents.

Everything goes through the services that the console uses. The two approvers of the
demo hold software authenticators in the data folder; they are marked as demo wherever
they appear, and production settings refuse them.
"""

from __future__ import annotations

import io
import json
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml
from django.conf import settings
from django.core.management import CommandError, call_command
from django.utils import timezone

from apps.accounts import selectors as accounts
from apps.accounts import services as people
from apps.accounts.adapters import UnsafeSoftwareAuthenticator
from apps.accounts.choices import TenantRole
from apps.accounts.models import User
from apps.approvals import services as approvals
from apps.approvals.choices import Verdict
from apps.approvals.selectors import proof_of_request, quorum_of
from apps.audit.events import Actor
from apps.bundles import selectors as bundles
from apps.core.errors import NotFoundError, PortwardError
from apps.distribution import selectors as distribution
from apps.distribution.choices import SyncState
from apps.nodes import services as nodes
from apps.policies import selectors as policies
from apps.tenants.models import Tenant
from apps.tenants.selectors import tenant_by_slug
from apps.tenants.services import create_tenant, tenant_scope
from portal.runtime.agents import local_agents
from portal.runtime.report import NodeLine, Report, SampleLine
from portal.runtime.stack import ROOT, Stack

FILES = ("acme.yaml", "globex.yaml")
FLEET_TENANT = "acme"
ADMINISTRATOR = "admin"
EMPTY_TENANT = ("main", "Main")
ACTOR = Actor.command("make up")
Say = Callable[[str], None]


class DemoError(RuntimeError):
    """The demo cannot be loaded or walked; the message says why."""


class Demo:
    """The demo on a running stack."""

    def __init__(self, stack: Stack, *, count: int, first: int) -> None:
        self._stack = stack
        self._data = stack.options.data
        self._agents = local_agents(self._data, count, first)

    def walk(self, *, empty: bool, say: Say) -> Report:
        """Bring up the demo, or just an administrator, and report."""
        try:
            if empty:
                return self._walk_empty()
            return self._walk_demo(say)
        except (PortwardError, CommandError) as error:
            raise DemoError(f"The demo could not be loaded: {error}") from error

    def _walk_empty(self) -> Report:
        slug, name = EMPTY_TENANT
        tenant = _tenant(slug, name)
        report = self._report([tenant])
        report.is_empty = True
        report.notes.append("Empty: no demo data. The first administrator starts here.")
        return report

    def _walk_demo(self, say: Say) -> Report:
        loaded = []
        for file in FILES:
            path = ROOT / "demo" / file
            say(f"Loading {file} …")
            loaded.append(self._load(path))
        report = self._report(loaded)
        for tenant in loaded:
            say(f"Approving and releasing {tenant.name} …")
            self._release(tenant)
        say("Starting agents …")
        fleet = tenant_by_slug(FLEET_TENANT)
        self._start_agents(fleet)
        self._stack.wait_for(lambda: self._is_in_sync(fleet), "the fleet", 60)
        report.nodes = self._node_lines(fleet)
        report.samples = list(self._samples(ROOT / "demo" / FILES[0]))
        return report

    def _load(self, path: Path) -> Tenant:
        """Load a tenant's file once; later starts leave what people changed alone."""
        slug = str(yaml.safe_load(path.read_text(encoding="utf-8"))["tenant"]["slug"])
        marker = self._data / "demo" / f"{slug}.loaded"
        if not marker.exists():
            call_command("load_tenant", str(path), stdout=io.StringIO())
            marker.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            marker.touch()
        return tenant_by_slug(slug)

    def _report(self, tenants: list[Tenant]) -> Report:
        user = _administrator(tenants)
        if accounts.usable_passkeys(user).exists():
            sign_in = f"{settings.PORTWARD_WEB_URL}/admin/login/"
        else:
            sign_in = people.enrollment_url(
                people.issue_enrollment_link(actor=ACTOR, user=user)
            )
        return Report(
            url=f"{settings.PORTWARD_WEB_URL}/admin/",
            sign_in=sign_in,
            administrator=user.username,
        )

    def _release(self, tenant: Tenant) -> None:
        """Propose and approve all drafts, unless the tenant has a release."""
        with tenant_scope(tenant.pk):
            if policies.live_versions().exists():
                return
            drafts = [draft.pk for draft in policies.open_drafts()]
            voters = [m.user for m in accounts.members() if _is_demo_approver(m)]
        if drafts:
            self._approve(tenant, drafts, voters)

        def is_signed() -> bool:
            with tenant_scope(tenant.pk):
                release = bundles.newest_signed()
            return release is not None and "policy" in release.manifest["counts"]

        self._stack.wait_for(is_signed, f"the first release of {tenant.name}")

    def _approve(
        self, tenant: Tenant, drafts: list[uuid.UUID], voters: list[User]
    ) -> None:
        keys = [(voter, self._authenticator(voter)) for voter in voters]
        with tenant_scope(tenant.pk):
            request = approvals.open_request(
                actor=ACTOR,
                draft_ids=drafts,
                title="First release of the demo",
                reason="The demo starts with these policies.",
            )
            quorum = quorum_of(request).needed

        def is_proven() -> bool:
            with tenant_scope(tenant.pk):
                proof = proof_of_request(request)
            return proof is None or proof.is_done or proof.has_failed

        self._stack.wait_for(is_proven, f"the evidence for {tenant.name}", 180)
        for voter, authenticator in keys[:quorum]:
            with tenant_scope(tenant.pk):
                approvals.cast_demo_vote(
                    actor=people.actor_for(voter),
                    voter=voter,
                    request_id=request.pk,
                    verdict=Verdict.APPROVE,
                    authenticator=authenticator,
                )

    def _authenticator(self, user: User) -> UnsafeSoftwareAuthenticator:
        folder = self._data / "demo" / "authenticators"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        authenticator = UnsafeSoftwareAuthenticator(folder / f"{user.username}.json")
        if not accounts.usable_passkeys(user).exists():
            session = f"demo:{user.pk}"
            options = people.begin_registration(
                user=user, session_key=session, link=None
            )
            people.finish_registration(
                ceremony_id=options.ceremony_id,
                session_key=session,
                credential=authenticator.create(options.public_key),
                name="Demo software authenticator",
            )
        return authenticator

    def _start_agents(self, tenant: Tenant) -> None:
        groups = _node_groups(ROOT / "demo" / FILES[0])
        for number, agent in enumerate(self._agents):
            if not agent.is_enrolled:
                group = groups[number % len(groups) :][:1] if groups else []
                with tenant_scope(tenant.pk):
                    token = nodes.create_join_token(
                        actor=ACTOR, node_name=agent.name, groups=group
                    )
                agent.enroll(
                    edge_url=settings.PORTWARD_EDGE_URL,
                    tenant=str(tenant.pk),
                    token=token,
                )
            self._stack.supervisor.start(agent.process())

    def _is_in_sync(self, tenant: Tenant) -> bool:
        with tenant_scope(tenant.pk):
            found = distribution.standings(now=timezone.now())
            names = {agent.name for agent in self._agents}
            rows = list(distribution.reports().select_related("node"))
            mine = {r.node_id for r in rows if r.node.name in names and r.counter}
        in_sync = {k for k, v in found.items() if v.state is SyncState.IN_SYNC}
        ready = all(agent.status() for agent in self._agents)
        return ready and len(mine & in_sync) == len(self._agents)

    def _node_lines(self, tenant: Tenant) -> list[NodeLine]:
        with tenant_scope(tenant.pk):
            standings = distribution.standings(now=timezone.now())
            reports = {
                report.node.name: report
                for report in distribution.reports().select_related("node")
            }
        lines = []
        for agent in self._agents:
            report = reports[agent.name]
            state = standings[report.node_id].state
            lines.append(
                NodeLine(
                    name=agent.name,
                    tenant=tenant.slug,
                    revision=report.revision,
                    fingerprint=report.fingerprint,
                    in_sync=state is SyncState.IN_SYNC,
                    lag_ms=report.lag_ms,
                    port=agent.port,
                )
            )
        return lines

    def _samples(self, path: Path) -> Iterator[SampleLine]:
        """Ask every agent the sample questions that do not depend on the time."""
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        for sample in content.get("samples", []):
            if "at" in sample:
                continue
            question = _question(sample)
            yield SampleLine(
                question=json.dumps(question, sort_keys=True),
                expected=sample["expect"] == "permit",
                answers={agent.name: agent.decide(question) for agent in self._agents},
            )


def _question(sample: dict[str, Any]) -> dict[str, Any]:
    return {
        "subject": _entity(sample["principal"]),
        "action": {"name": sample["action"]},
        "resource": _entity(sample["resource"]),
        "context": sample.get("context", {}),
    }


def _entity(value: object) -> dict[str, str]:
    if isinstance(value, dict):
        return {"type": str(value["type"]), "id": str(value["id"])}
    kind, _, ident = str(value).partition("::")
    return {"type": kind, "id": ident}


def _tenant(slug: str, name: str) -> Tenant:
    try:
        return tenant_by_slug(slug)
    except NotFoundError:
        return create_tenant(actor=ACTOR, slug=slug, name=name)


def _administrator(tenants: list[Tenant]) -> User:
    """Return the first administrator, a member of every tenant given."""
    try:
        user = accounts.user_by_username(ADMINISTRATOR)
    except NotFoundError:
        user = people.create_user(
            actor=ACTOR, username=ADMINISTRATOR, display_name="First administrator"
        )
    roles = [TenantRole.SECURITY_ADMIN.value, TenantRole.APPROVER.value]
    for tenant in tenants:
        with tenant_scope(tenant.pk):
            if accounts.membership_in(user, tenant.pk) is None:
                people.grant_membership(actor=ACTOR, user=user, roles=roles)
    return user


def _is_demo_approver(membership: Any) -> bool:  # noqa: ANN401  # a Membership row
    return membership.user.is_demo and TenantRole.APPROVER.value in membership.roles


def _node_groups(path: Path) -> list[str]:
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    return [str(group["slug"]) for group in content.get("node_groups", [])]
