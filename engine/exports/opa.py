"""What stock OPA decides from, as it lies in a release's archive."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from engine.calendar import Transitions
from engine.exports.flatten import flatten
from engine.exports.rego import rego_text
from protocol.bundle import OpaContent
from protocol.records import Record


def opa_content(
    records: Iterable[Record], zones: Mapping[str, Transitions]
) -> OpaContent:
    """Return the module and the data of a release for OPA."""
    flat = flatten(records, zones)
    return OpaContent(
        rego_text().encode(),
        {
            "decider": flat.decider,
            "unsupported": [one.to_dict() for one in flat.unsupported],
        },
    )
