"""Evaluate Rego without a server, by Microsoft's implementation of it."""

from __future__ import annotations

import datetime as dt
import importlib
from collections.abc import Mapping
from functools import cache
from typing import Any, cast

from engine.exports.flatten import microseconds
from engine.exports.rego import rego_text

DECISION = "data.portward.authz.decision"
_CLOCK, _DATA = "time.now_ns()", "data.portward.decider"


def decide(
    decider: Mapping[str, Any], question: Mapping[str, Any], now: dt.datetime
) -> dict[str, Any]:
    """Return what the shipped module decides at an instant.

    Compiling takes a while, so it is done once: clock and data come with the question.
    """
    rego = _interpreter()
    rego.set_input({**question, "clock": microseconds(now) * 1000, "decider": decider})
    found = rego.query_bundle(_compiled())
    return cast("dict[str, Any]", found.results[0].bindings["x"])


def _interpreter() -> Any:
    # It has no types, so it is not imported by name.
    return importlib.import_module("regopy").Interpreter()


@cache
def _compiled() -> Any:
    text = rego_text()
    assert text.count(_DATA) == 1
    rego = _interpreter()
    text = text.replace(_CLOCK, "input.clock").replace(_DATA, "input.decider")
    rego.add_module("policy.rego", text)
    return rego.build(f"x = {DECISION}")
