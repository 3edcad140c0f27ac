"""What the REST interface does is what its OpenAPI document says."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import hypothesis
import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.test import Client
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer
from schemathesis.specs.openapi.checks import (
    negative_data_rejection,
    positive_data_acceptance,
)

from apps.audit.events import Actor
from apps.keys.tasks import ensure_tenant_keys
from apps.tenants.models import Tenant
from portal.wsgi import application
from tests.factories.accounts import MakeUser
from tests.factories.bundles import release_of
from tests.factories.clients import token_of

ACTOR = Actor.command("tests")


def app(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
    """Answer as the server would, which knows whose connection it is."""
    return application(environ | {"REMOTE_ADDR": "127.0.0.1"}, start)


@pytest.fixture(autouse=True)
def one_connection() -> Iterator[None]:
    """Keep the connection of the test, in whose transaction all requests run."""
    request_started.disconnect(close_old_connections)
    request_finished.disconnect(close_old_connections)
    yield
    request_started.connect(close_old_connections)
    request_finished.connect(close_old_connections)


@pytest.fixture
def token(tenant: Tenant, make_user: MakeUser) -> str:
    ensure_tenant_keys(actor=ACTOR, tenant_id=tenant.pk)
    release_of(tenant, "first")
    user = make_user("ada", ["security_admin"])
    return token_of(tenant, user)


_generator: Any = SchemaGenerator
DOCUMENT: dict[str, Any] = json.loads(
    OpenApiJsonRenderer().render(_generator().get_schema(public=True))
)
schema = schemathesis.openapi.from_dict(DOCUMENT)
schema.app = app


@schema.parametrize()
@hypothesis.settings(
    max_examples=20,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(hypothesis.HealthCheck),
)
def test_every_operation_answers_as_documented(
    case: schemathesis.Case[Any], token: str
) -> None:
    case.call_and_validate(
        headers={"Authorization": f"Bearer {token}"},
        # Well-formed requests may still mean nothing, and unknown parameters are
        # ignored, as everywhere in HTTP; statuses and bodies are held to the document.
        excluded_checks=[negative_data_rejection, positive_data_acceptance],
    )


@pytest.mark.parametrize(
    ("method", "path"),
    [
        (method, path)
        for path, methods in DOCUMENT["paths"].items()
        for method in methods
    ],
)
def test_no_operation_answers_without_a_token(
    db: None,  # noqa: ARG001
    method: str,
    path: str,
) -> None:
    address = re.sub(r"{\w*}", "00000000-0000-4000-8000-000000000000", path)
    answer = getattr(Client(), method)(address)
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("size", ["0", "201", "-1", "ten", "", "1e2"])
def test_a_size_of_pages_that_there_is_not_is_refused(token: str, size: str) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    answer = Client().get(f"/api/v1/roles?page_size={size}", headers=headers)
    assert answer.status_code == 400
    assert answer.json()["errors"]["page_size"] == ["From 1 to 200."]


@pytest.mark.parametrize("path", ["v1/nothing", "v2/roles", "v1/roles/none", ""])
def test_an_address_that_is_none_says_so_as_problem_details(
    db: None,  # noqa: ARG001
    path: str,
) -> None:
    answer = Client().get(f"/api/{path}")
    assert answer.status_code == 404
    assert answer["Content-Type"] == "application/problem+json"
