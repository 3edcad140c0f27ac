"""One rule of an authorization policy, from tests that have to hold together."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from engine.exports.partial import Alternative
from engine.exports.targets import NOT_EXPORTED, WIDENED, Manifest, Release, Rule

_SPECIAL = re.compile(r"[*{}]")


class _InexpressibleError(Exception):
    """A rule that Istio has no words for, and why."""


@dataclass
class _Match:
    """What one rule asks of a request; None asks nothing."""

    principals: list[str] | None = None
    methods: set[str] | None = None
    paths: list[str] | None = None
    blocks: list[str] | None = None
    not_methods: set[str] = field(default_factory=set)
    not_paths: set[str] = field(default_factory=set)
    not_blocks: set[str] = field(default_factory=set)

    @property
    def is_empty(self) -> bool:
        """Say whether no request can match."""
        return [] in (self.principals, self.paths, self.blocks) or self.methods == set()

    def to_rule(self) -> Manifest:
        """Return the rule of a policy."""
        source = _filled(
            principals=self.principals,
            remoteIpBlocks=self.blocks,
            notRemoteIpBlocks=sorted(self.not_blocks),
        )
        operation = _filled(
            methods=None if self.methods is None else sorted(self.methods),
            paths=self.paths,
            notMethods=sorted(self.not_methods),
            notPaths=sorted(self.not_paths),
        )
        rule: Manifest = {}
        if source:
            rule["from"] = [{"source": source}]
        if operation:
            rule["to"] = [{"operation": operation}]
        return rule


def rules_of(
    release: Release,
    rule: Rule,
    cover: Iterable[Alternative],
    principals: list[str] | None,
    methods: set[str] | None,
    *,
    allows: bool,
) -> list[Manifest]:
    """Return a rule for each alternative; noted where Istio has no words for it."""
    found = []
    for alternative in cover:
        match = _Match(principals, None if methods is None else set(methods))
        try:
            for test, holds in alternative:
                _add(match, test, holds=holds)
        except _InexpressibleError as error:
            release.note(rule, str(error), NOT_EXPORTED if allows else WIDENED)
            if allows:
                continue
            match = _Match(principals, None if methods is None else set(methods))
        if not match.is_empty:
            found.append(match.to_rule())
    return found


def _add(match: _Match, test: dict[str, Any], *, holds: bool) -> None:
    """Add one test to what a rule asks for."""
    if test["op"] == "range":
        _add_block(match, _networks(test["low"], test["high"]), holds=holds)
        return
    name, values, positive = _tested(test)
    if name == "method":
        _add_methods(match, values, holds=holds is positive)
    else:
        _add_paths(match, values, holds=holds is positive)


def _tested(test: dict[str, Any]) -> tuple[str, list[str], bool]:
    """Return which member is tested for which values, and whether it has one then."""
    match test:
        case {"op": "like", "prefix": prefix, "left": {"path": ["context", name]}}:
            return name, [f"{_plain(prefix)}*"], True
        case {"op": "==" | "!=" as op, "left": left, "right": right}:
            place, value = (left, right) if left["k"] == "path" else (right, left)
            if value["k"] == "value" and isinstance(value["value"], str):
                return place["path"][1], [_plain(value["value"])], op == "=="
        case {"op": "contains", "left": {"k": "set", "of": items}, "right": right}:
            texts = [item.get("value") for item in items]
            if all(isinstance(text, str) for text in texts):
                return right["path"][1], [_plain(text) for text in texts], True
        case _:
            pass
    raise _InexpressibleError(f"compares method or path by “{test['op']}”")


def _plain(text: str) -> str:
    if _SPECIAL.search(text) or not text:
        raise _InexpressibleError(f"“{text}” means something else to Istio")
    return text


def _add_methods(match: _Match, values: list[str], *, holds: bool) -> None:
    if any(value.endswith("*") for value in values):
        raise _InexpressibleError("asks for the beginning of a method")
    if holds:
        found = set(values)
        match.methods = found if match.methods is None else match.methods & found
    else:
        match.not_methods |= set(values)


def _add_paths(match: _Match, values: list[str], *, holds: bool) -> None:
    if not holds:
        match.not_paths |= set(values)
    elif match.paths is None:
        match.paths = sorted(values)
    else:
        both = {_narrower(a, b) for a in match.paths for b in values}
        match.paths = sorted(path for path in both if path)


def _narrower(one: str, other: str) -> str:
    """Return what both patterns match."""
    for narrow, wide in ((one, other), (other, one)):
        if narrow == wide or (
            wide.endswith("*") and narrow.removesuffix("*").startswith(wide[:-1])
        ):
            return narrow
    return ""


def _add_block(match: _Match, networks: list[str], *, holds: bool) -> None:
    if not holds:
        match.not_blocks |= set(networks)
    elif match.blocks is None:
        match.blocks = networks
    else:
        raise _InexpressibleError("asks for several ranges of addresses at once")


def _networks(low: str, high: str) -> list[str]:
    first, last = (_address(text) for text in (low, high))
    found = ipaddress.summarize_address_range(first, last)
    return [str(network) for network in found]


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    version, _, digits = text.partition(":")
    number = int(digits, 16)
    if version == "4":
        return ipaddress.IPv4Address(number)
    return ipaddress.IPv6Address(number)


def _filled(**parts: Any) -> dict[str, Any]:  # noqa: ANN401
    return {name: value for name, value in parts.items() if value}
