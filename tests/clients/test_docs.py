"""The program in the documentation gets a token."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives import serialization

from apps.tenants.models import Tenant
from tests.clients.conftest import Api
from tests.factories.clients import make_program, post

PAGE = Path(__file__).resolve().parents[2] / "docs/how-to/read-over-rest.md"


def test_the_example_program_gets_a_token(
    tenant: Tenant,
    api: Api,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    program = make_program(tenant, scopes=["releases.read", "bundle.read"])
    key = program.private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    found = re.search(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert found is not None
    text = found[1].replace("pwc_…", program.client.client_id)
    text = text.replace("localhost:8000", "localhost")
    text = text.replace('open("client-key.pem").read()', "KEY")

    def send(url: str, data: dict[str, str]) -> Any:
        assert url == "http://localhost/oauth/token"
        return post("token", data)

    monkeypatch.setattr(httpx, "post", send)
    exec(text, {"KEY": key.decode()})  # noqa: S102  # our own page
    assert api(capsys.readouterr().out.strip(), "releases").status_code == 200
