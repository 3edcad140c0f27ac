"""Settings come from the environment, and what is missing is named."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from portal.settings import env

ROOT = Path(__file__).resolve().parents[2]
PRODUCTION = {
    "PORTWARD_DATA_DIR": "var",
    "PORTWARD_SECRET_KEY": "x" * 50,
    "PORTWARD_WEB_URL": "https://portal.example",
    "PORTWARD_EDGE_URL": "https://edge.example",
    "PORTWARD_ALLOWED_HOSTS": "portal.example",
    "DATABASE_URL": "postgresql://portward_app@db.example/portward",
    "CELERY_BROKER_URL": "amqps://broker.example",
    "PORTWARD_KEY_DIR": "keys",
    "PORTWARD_RP_ID": "portal.example",
    "PORTWARD_ORIGINS": "https://portal.example",
    "PORTWARD_TRUSTED_PROXIES": "1",
}


def boot(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("PORTWARD_") and name not in PRODUCTION
    }
    return subprocess.run(
        [
            sys.executable,
            "-c",
            "import portal.settings.production as p; print(p.DEBUG)",
        ],
        env=kept | environment,
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )


def test_production_boots_with_everything_given() -> None:
    assert boot(PRODUCTION).stdout.strip() == "False"


@pytest.mark.parametrize("missing", sorted(PRODUCTION))
def test_production_refuses_to_boot_and_names_what_is_missing(missing: str) -> None:
    done = boot({k: v for k, v in PRODUCTION.items() if k != missing})
    assert done.returncode != 0
    assert f"Set {missing}:" in done.stderr


def test_a_socket_folder_in_a_database_url_keeps_its_case() -> None:
    parsed = env.database("postgresql://app@%2Ftmp%2FData/portward", pool_size=0)
    assert (parsed["HOST"], parsed["USER"]) == ("/tmp/Data", "app")  # noqa: S108


def test_a_database_url_with_port_password_and_options_is_read() -> None:
    parsed = env.database("postgresql://a:p%40ss@db:5433/x?sslmode=require")
    assert (parsed["HOST"], parsed["PORT"]) == ("db", "5433")
    assert parsed["PASSWORD"] == "p@ss"
    assert parsed["OPTIONS"]["sslmode"] == "require"


@pytest.mark.parametrize("value", ["many", "-1", "1.5"])
def test_a_number_of_proxies_that_is_none_is_refused(value: str) -> None:
    done = boot(PRODUCTION | {"PORTWARD_TRUSTED_PROXIES": value})
    assert "PORTWARD_TRUSTED_PROXIES must be a whole number" in done.stderr


def test_pairs_are_read() -> None:
    assert env.as_pairs("sign-in=1/2, tokens = 3/4") == {
        "sign-in": "1/2",
        "tokens": "3/4",
    }


def test_another_database_is_refused() -> None:
    with pytest.raises(ImproperlyConfigured, match="postgresql://"):
        env.database("sqlite:///x")


def test_a_secret_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "secrets" / "key"
    first = env.secret_file(path)
    assert env.secret_file(path) == first
    assert len(first) > 40
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
