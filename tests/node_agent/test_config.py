"""Identity, key and files of the node."""

from __future__ import annotations

import json
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from node_agent.config import Identity, StatePaths, load_key, write_durably
from node_agent.errors import NotEnrolledError, StateError
from tests.node_agent.conftest import EnrolledNode


def test_an_identity_survives_being_written(node: EnrolledNode) -> None:
    assert Identity.load(node.paths) == node.identity


def test_a_folder_without_identity_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(NotEnrolledError, match="enroll"):
        Identity.load(StatePaths(tmp_path))


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"v": 2}', '{"v": 1, "tenant": "t"}']
)
def test_an_identity_that_is_none_is_refused(node: EnrolledNode, content: str) -> None:
    node.paths.identity.write_text(content)
    with pytest.raises(StateError):
        Identity.load(node.paths)


def test_an_unknown_field_in_the_identity_is_refused(node: EnrolledNode) -> None:
    fields = json.loads(node.paths.identity.read_text())
    node.paths.identity.write_text(json.dumps({**fields, "skip_checks": True}))
    with pytest.raises(StateError):
        Identity.load(node.paths)


def test_a_key_of_another_kind_is_refused(node: EnrolledNode) -> None:
    pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    write_durably(node.paths.key, pem)
    with pytest.raises(StateError, match="Ed25519"):
        load_key(node.paths)


@pytest.mark.parametrize("content", [b"", b"not a key"])
def test_a_key_that_is_none_is_refused(node: EnrolledNode, content: bytes) -> None:
    write_durably(node.paths.key, content)
    with pytest.raises(StateError):
        load_key(node.paths)


def test_a_folder_that_cannot_be_made_is_said_as_such(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StateError):
        StatePaths(tmp_path / "file" / "node").create()


def test_a_file_is_replaced_whole_and_closed_to_others(tmp_path: Path) -> None:
    path = tmp_path / "some.json"
    path.write_text("old")
    path.chmod(0o644)
    write_durably(path, b"new")
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_write_that_fails_leaves_the_old_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "some.json"
    path.write_text("old")

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_durably(path, b"new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_node_knows_its_groups_or_knows_that_it_does_not(node: EnrolledNode) -> None:
    assert node.identity.groups is None
    for groups in (("branch", "edge"), ()):
        known = replace(node.identity, groups=groups)
        known.save(node.paths)
        assert Identity.load(node.paths) == known


def test_an_identity_from_before_groups_still_counts(node: EnrolledNode) -> None:
    fields = json.loads(node.paths.identity.read_text())
    del fields["groups"]
    node.paths.identity.write_text(json.dumps(fields))
    assert Identity.load(node.paths) == node.identity
