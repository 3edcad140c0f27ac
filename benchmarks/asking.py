"""A tenant with many people and policies, and somebody who simulates. Needs Django."""

from __future__ import annotations

import http.client
import itertools
import json
import time
import uuid
from http import HTTPStatus
from typing import Any, Self

from apps.policies import selectors
from apps.policies.models import Policy, PolicyDraft, PolicyVersion
from apps.policies.rules import (
    CompiledPolicy,
    PolicyContent,
    compile_policy,
    parse_content,
)
from apps.roles.models import Assignment, Principal
from apps.roles.rules import EntrySpec
from apps.roles.services import save_principal
from apps.tenants.selectors import tenant_by_slug
from apps.tenants.services import tenant_scope
from protocol.records import EntityRef
from tests.factories.accounts import make_user
from tests.factories.clients import ACTOR, token_of

_QUESTION = {
    "principal": "User::simulated-00001",
    "action": "deploy",
    "resource": "Namespace::shop",
    "mfa": 2,
    "ip": "10.10.0.1",
}
_AUDITOR = "bench-simulates"
_TENANT = "acme"
_BATCH = 2_000
_TIMEOUT = 60


class Asking:
    """Somebody with a token, in a tenant that was filled."""

    def __init__(self, port: int, people: int, policies: int) -> None:

        self._tenant = tenant_by_slug(_TENANT)
        with tenant_scope(self._tenant.pk):
            _fill(people, policies)
        user = make_user(_AUDITOR, ["auditor"], tenant=self._tenant)
        self._token = token_of(self._tenant, user)
        self._changes = 0
        self._line = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT)
        self._host = f"localhost:{port}"

    def tenants(self) -> None:
        """Ask for something small."""
        self._ask("GET", "/api/v1/tenants", None)

    def simulate(self, against: str) -> None:
        """Ask for a verdict with its explanation and the strip of a day."""
        answer = self._ask(
            "POST", "/api/v1/simulate", {**_QUESTION, "against": against}
        )
        if not answer["asked"]["strip"]:
            raise AssertionError(f"no strip in {answer}")

    def after_change(self, against: str) -> float:
        """Ask when something has been written since the last time."""
        self._changes += 1
        entity = EntityRef("User", f"simulated-{self._changes:05}-new")
        with tenant_scope(self._tenant.pk):
            save_principal(actor=ACTOR, spec=EntrySpec(entity))
        started = time.perf_counter()
        self.simulate(against)
        return (time.perf_counter() - started) * 1000

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._line.close()

    def _ask(self, method: str, path: str, body: dict[str, Any] | None) -> Any:  # noqa: ANN401  # JSON
        headers = {
            "Host": self._host,
            "Authorization": f"Bearer {self._token}",
            "Content-Type": "application/json",
        }
        content = None if body is None else json.dumps(body)
        self._line.request(method, path, content, headers)
        answer = self._line.getresponse()
        text = answer.read()
        if answer.status != HTTPStatus.OK:
            raise AssertionError(f"{path}: {answer.status} {text[:300]!r}")
        return json.loads(text)


def _fill(people: int, policies: int) -> None:
    """Copy people who hold roles, and a policy, past the services: it is only bulk."""
    pattern = Assignment.objects.filter(role__slug="developer", revoked_at=None)[0]
    tenant = pattern.tenant_id
    rows = [
        Principal(
            tenant_id=tenant,
            type="User",
            key=f"simulated-{n:05}",
            name=f"Simulated {n}",
        )
        for n in range(people)
    ]
    Principal.objects.bulk_create(rows, batch_size=_BATCH)
    Assignment.objects.bulk_create(
        [
            Assignment(
                tenant_id=tenant,
                principal=row,
                role_id=pattern.role_id,
                workflow=pattern.workflow,
                workflow_id=pattern.workflow_id,
            )
            for row in rows
        ],
        batch_size=_BATCH,
    )
    _fill_policies(tenant, policies)


def _fill_policies(tenant: uuid.UUID, policies: int) -> None:

    known = selectors.catalogue()
    patterns = itertools.cycle(list(selectors.drafts()))
    rows = [
        Policy(
            tenant_id=tenant, slug=f"simulated-{n}", name=f"Simulated {n}", state="live"
        )
        for n in range(policies)
    ]
    Policy.objects.bulk_create(rows, batch_size=_BATCH)
    drafts, versions = [], []
    for row, pattern in zip(rows, patterns, strict=False):
        content = {k: v for k, v in pattern.content.items() if k != "tests"}
        parsed = parse_content(content)
        if not isinstance(parsed, PolicyContent):
            raise TypeError(f"{row.slug} does not parse: {parsed}")
        compiled = compile_policy(parsed, known, policy_id=row.slug)
        if not isinstance(compiled, CompiledPolicy):
            raise TypeError(f"{row.slug} does not compile: {compiled}")
        both = {
            "tenant_id": tenant,
            "policy": row,
            "content": content,
            "statements": compiled.to_json(),
            "digest": pattern.digest,
            "author_name": "benchmark",
            "last_editor_name": "benchmark",
        }
        drafts.append(PolicyDraft(**both))
        versions.append(PolicyVersion(**both, number=1, request_id=row.pk))
    PolicyDraft.objects.bulk_create(drafts, batch_size=_BATCH)
    PolicyVersion.objects.bulk_create(versions, batch_size=_BATCH)
