"""Fixtures of clients."""

from __future__ import annotations

from typing import Any, Protocol

import pytest
from django.test import Client

from apps.tenants.models import Tenant
from tests.factories.clients import Program, make_program


class Api(Protocol):
    """Signature of the `api` fixture."""

    def __call__(self, token: str, path: str = "roles", **headers: str) -> Any: ...


@pytest.fixture
def program(tenant: Tenant) -> Program:
    """Return a client of the tenant with its private key at hand."""
    return make_program(tenant)


@pytest.fixture
def api(db: None) -> Api:  # noqa: ARG001
    """Return a function that reads from the API with a token."""

    def read(token: str, path: str = "roles", **headers: str) -> Any:
        return Client().get(
            f"/api/v1/{path}", headers={"Authorization": f"Bearer {token}", **headers}
        )

    return read
