"""Read settings from the environment, refusing what is missing or malformed."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote

from django.core.exceptions import ImproperlyConfigured

ROOT = Path(__file__).resolve().parents[2]


def required(name: str, meaning: str) -> str:
    """Return a variable that has no default; say which is absent."""
    value = os.environ.get(name, "")
    if not value:
        raise ImproperlyConfigured(f"Set {name}: {meaning}.")
    return value


def optional(name: str, default: str) -> str:
    """Return a variable, or its default when it is unset or empty."""
    return os.environ.get(name, "") or default


def as_list(value: str) -> list[str]:
    """Split a comma separated value."""
    return [part.strip() for part in value.split(",") if part.strip()]


def as_count(name: str, value: str) -> int:
    """Read a whole number that is not negative."""
    if not value.isdecimal():
        raise ImproperlyConfigured(f"{name} must be a whole number, not “{value}”.")
    return int(value)


def as_pairs(value: str) -> dict[str, str]:
    """Split comma separated pairs, each written name=value."""
    pairs = [part.partition("=") for part in as_list(value)]
    return {name.strip(): text.strip() for name, _, text in pairs}


def data_dir() -> Path:
    """Return the folder that holds everything the embedded services write."""
    return Path(optional("PORTWARD_DATA_DIR", str(ROOT / "var"))).resolve()


def database(url: str, *, pool_size: int = 4) -> dict[str, Any]:
    """Turn postgresql://user:password@host:port/name?option=value into settings.

    The host may be a percent-encoded folder of a unix socket, so the parts are split
    by hand: urlsplit() would lower-case it.
    """
    scheme, _, rest = url.partition("://")
    if scheme not in {"postgresql", "postgres"} or not rest:
        raise ImproperlyConfigured("DATABASE_URL must start with postgresql://")
    authority, _, tail = rest.partition("/")
    name, _, query = tail.partition("?")
    credentials, _, address = authority.rpartition("@")
    user, _, password = credentials.partition(":")
    host, _, port = address.rpartition(":") if ":" in address else (address, "", "")
    options: dict[str, Any] = dict(parse_qsl(query))
    if pool_size:
        options["pool"] = {"min_size": 1, "max_size": pool_size, "timeout": 10}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(name),
        "USER": unquote(user),
        "PASSWORD": unquote(password),
        "HOST": unquote(host),
        "PORT": port,
        "CONN_MAX_AGE": 0,
        "OPTIONS": options,
    }


def secret_file(path: Path) -> str:
    """Return the secret in a file, made on first use and readable by its owner only."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text(encoding="ascii").strip()
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secrets.token_urlsafe(48))
    return path.read_text(encoding="ascii").strip()
