"""What a name, a token and a key of a node must be."""

from __future__ import annotations

import base64
import datetime as dt

import pytest

from apps.nodes import rules

NOW = dt.datetime(2026, 11, 21, 6, 0, tzinfo=dt.UTC)


@pytest.mark.parametrize("name", ["a", "web-1", "web-1.berlin", "9", "a" * 63])
def test_a_host_name_is_a_node_name(name: str) -> None:
    assert rules.is_node_name(name)


@pytest.mark.parametrize(
    "name", ["", "-a", "a-", "Web", "a b", "a\n", "a\0", "a" * 64, "wëb"]
)
def test_what_is_no_host_name_is_no_node_name(name: str) -> None:
    assert not rules.is_node_name(name)


def is_usable(age: int, used_at: dt.datetime | None = None) -> bool:
    end = NOW - dt.timedelta(seconds=age) + rules.JOIN_TOKEN_LIFETIME
    return rules.is_token_usable(expires_at=end, used_at=used_at, now=NOW)


def test_a_token_is_good_once_and_for_ten_minutes() -> None:
    assert is_usable(age=599)
    assert not is_usable(age=600)
    assert not is_usable(age=0, used_at=NOW)


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_key_has_32_bytes(length: int) -> None:
    text = base64.urlsafe_b64encode(b"k" * length).decode()
    assert rules.parse_public_key(text) is None


def test_a_key_is_read_with_and_without_padding() -> None:
    text = base64.urlsafe_b64encode(b"k" * 32).decode()
    assert rules.parse_public_key(text) == b"k" * 32
    assert rules.parse_public_key(text.rstrip("=")) == b"k" * 32


def test_a_token_is_not_stored_as_it_is() -> None:
    assert "secret" not in rules.token_hash("secret")
    assert rules.token_hash("secret") != rules.token_hash("Secret")
