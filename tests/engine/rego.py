"""Evaluate the shipped Rego without a server, by every implementation that is here."""

from __future__ import annotations

import datetime as dt
import importlib
import json
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, cast

from engine.exports.flatten import microseconds
from engine.exports.rego import rego_text

DECISION = "data.portward.authz.decision"
_CLOCK, _DATA = "time.now_ns()", "data.portward.decider"

Question = Mapping[str, Any]
Answer = dict[str, Any]
Evaluate = Callable[[Mapping[str, Any], Question, dt.datetime], Answer]


def regopy(decider: Mapping[str, Any], question: Question, now: dt.datetime) -> Answer:
    """Return what Microsoft's rego-cpp decides by the shipped module at an instant.

    Compiling takes a while, so it is done once: clock and data come with the question.
    """
    rego = _regopy()
    rego.set_input(_given(decider, question, now))
    found = rego.query_bundle(_compiled())
    return cast("Answer", found.results[0].bindings["x"])


def regorus(decider: Mapping[str, Any], question: Question, now: dt.datetime) -> Answer:
    """Return what Regorus, written apart from that in Rust, decides."""
    engine = _parsed().clone()
    engine.set_input_json(json.dumps(_given(decider, question, now)))
    return cast("Answer", json.loads(engine.eval_rule_as_json(DECISION)))


def opa(decider: Mapping[str, Any], question: Question, now: dt.datetime) -> Answer:
    """Return what a real OPA on this machine decides."""
    with tempfile.TemporaryDirectory() as folder:
        module = Path(folder) / "policy.rego"
        module.write_text(_module(), encoding="utf-8")
        done = subprocess.run(  # the binary that shutil found
            [
                *(str(shutil.which("opa")), "eval", "--format", "json"),
                *("--stdin-input", "--data", str(module), DECISION),
            ],
            input=json.dumps(_given(decider, question, now)),
            capture_output=True,
            check=True,
            text=True,
        )
    (found,) = json.loads(done.stdout)["result"]
    return cast("Answer", found["expressions"][0]["value"])


ENGINES: tuple[Evaluate, ...] = (
    regopy,
    regorus,
    *([opa] if shutil.which("opa") else []),
)


def decide(decider: Mapping[str, Any], question: Question, now: dt.datetime) -> Answer:
    """Return what all implementations decide, which must be the same."""
    first, *others = (evaluate(decider, question, now) for evaluate in ENGINES)
    for other, evaluate in zip(others, ENGINES[1:], strict=True):
        assert other == first, (evaluate, question, now, other, first)
    return first


def _given(
    decider: Mapping[str, Any], question: Question, now: dt.datetime
) -> dict[str, Any]:
    return {**question, "clock": microseconds(now) * 1000, "decider": decider}


def _module() -> str:
    text = rego_text()
    assert text.count(_DATA) == 1
    return text.replace(_CLOCK, "input.clock").replace(_DATA, "input.decider")


def _regopy() -> Any:
    # It has no types, so it is not imported by name.
    return importlib.import_module("regopy").Interpreter()


@cache
def _compiled() -> Any:
    rego = _regopy()
    rego.add_module("policy.rego", _module())
    return rego.build(f"x = {DECISION}")


@cache
def _parsed() -> Any:
    engine = importlib.import_module("regorus").Engine()
    engine.add_policy("policy.rego", _module())
    return engine
