"""How long a bundle takes to build, against writing the same records carelessly."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Sequence

from benchmarks.measure import Figure, median, milliseconds
from benchmarks.world import records
from protocol.bundle import build_manifest, build_snapshot
from protocol.records import Record

CREATED = "2026-11-20T12:00:00+00:00"
EPOCH = 1_795_176_000


def build(state: Sequence[Record]) -> bytes:
    """Build a snapshot as a release does."""
    manifest = build_manifest(
        tenant="benchmark",
        revision=1,
        previous=None,
        created=CREATED,
        created_epoch=EPOCH,
        records=state,
    )
    return build_snapshot(manifest, state)


def careless(state: Sequence[Record]) -> bytes:
    """Write the records as compressed JSON: no digest, no order, no canonical form."""
    return gzip.compress(
        json.dumps([record.to_dict() for record in state]).encode(), compresslevel=6
    )


def run(sizes: Sequence[int], rounds: int) -> Iterator[Figure]:
    """Measure at several sizes."""
    for size in sizes:
        state = records(size)
        yield Figure(
            f"bundle build, {size} policies, median",
            median(milliseconds(lambda state=state: build(state), rounds)),  # type: ignore[misc]
            "records as gzipped JSON",
            median(milliseconds(lambda state=state: careless(state), rounds)),  # type: ignore[misc]
        )
