"""When a release is due, and how it is named."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from apps.bundles import rules
from apps.bundles.rules import Due, Newest, due, etag, rfc3339
from protocol.delta import Base, State
from protocol.records import EntityRef, PrincipalRecord

A, B = "sha256:" + "a" * 64, "sha256:" + "b" * 64


@pytest.mark.parametrize(
    ("newest", "expected"),
    [
        (None, Due.BUILD),
        (Newest(3, A, is_signed=True), Due.NOTHING),
        (Newest(3, A, is_signed=False), Due.SIGN),
        (Newest(3, B, is_signed=True), Due.BUILD),
        (Newest(3, B, is_signed=False), Due.BUILD),
    ],
)
def test_a_release_is_due_when_the_newest_does_not_carry_the_live_state(
    newest: Newest | None, expected: Due
) -> None:
    assert due(newest, A) is expected


def test_the_entity_tag_is_strong_and_names_state_and_revision() -> None:
    assert etag(A, 7) == f'"{A}.7"'


def test_a_moment_is_written_in_utc_to_the_second() -> None:
    zone = dt.timezone(dt.timedelta(hours=2))
    moment = dt.datetime(2026, 11, 21, 6, 50, 1, 999, tzinfo=zone)
    assert rfc3339(moment) == "2026-11-21T04:50:01Z"


def draft(revision: int, base: Base | None, name: str = "alice") -> rules.Draft:
    """Compile a state of one principal."""
    state = State.of([PrincipalRecord(f"User::{name}", EntityRef("User", name), {})])
    ground = rules.Ground("acme", revision, None)
    compiled = rules.compile_draft(
        ground, state, (), now=dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
    )
    manifest = replace(
        compiled.manifest,
        previous_revision=base.revision if base else None,
        previous_digest=base.state_digest if base else None,
    )
    return replace(compiled, content=replace(compiled.content, manifest=manifest))


NEWEST = rules.Newest(2, "sha256:b", is_signed=False)
BASE = Base(1, "sha256:a")
NEXT = draft(3, BASE)


@pytest.mark.parametrize(
    ("newest", "base", "digest", "is_next"),
    [
        (NEWEST, BASE, NEXT.manifest.state_digest, True),
        (replace(NEWEST, revision=3), BASE, NEXT.manifest.state_digest, False),
        (None, BASE, NEXT.manifest.state_digest, False),
        (NEWEST, None, NEXT.manifest.state_digest, False),
        (NEWEST, Base(2, "sha256:a"), NEXT.manifest.state_digest, False),
        (NEWEST, Base(1, "sha256:b"), NEXT.manifest.state_digest, False),
        (NEWEST, BASE, draft(3, BASE, "bob").manifest.state_digest, False),
    ],
)
def test_a_draft_is_next_only_after_its_own_releases_and_for_its_own_state(
    newest: rules.Newest | None, base: Base | None, digest: str, *, is_next: bool
) -> None:
    assert NEXT.is_next(newest, base, digest) is is_next


def test_compiling_the_same_twice_gives_the_same_bytes() -> None:
    assert draft(1, None).snapshot == draft(1, None).snapshot
