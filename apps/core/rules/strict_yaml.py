"""YAML without its surprises: 18:00 is a text, NO is Norway, no key occurs twice."""

from __future__ import annotations

import re
from collections.abc import Hashable
from typing import Any

import yaml
from typing_extensions import override


class StrictLoader(yaml.SafeLoader):
    """Texts, whole numbers, true, false and null; no repeated keys, no aliases."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012  # the library's shape

    @override
    def compose_node(self, parent: Any, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.events.AliasEvent):
            event = self.peek_event()  # type: ignore[no-untyped-call]  # untyped library
            raise yaml.constructor.ConstructorError(
                None, None, "aliases are not accepted", event.start_mark
            )
        return super().compose_node(parent, index)

    @override
    def construct_mapping(
        self, node: yaml.MappingNode, deep: bool = False
    ) -> dict[Hashable, Any]:
        seen = set()
        for key, _ in node.value:
            name = self.construct_object(key, deep=True)
            if not isinstance(name, str):
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {name!r} is not a text", key.start_mark
                )
            if name in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key “{name}” occurs twice", key.start_mark
                )
            seen.add(name)
        return super().construct_mapping(node, deep=deep)


for _tag, _shape, _first in (
    ("tag:yaml.org,2002:null", r"^(?:~|null|)$", ["~", "n", ""]),
    ("tag:yaml.org,2002:bool", r"^(?:true|false)$", list("tf")),
    ("tag:yaml.org,2002:int", r"^-?(?:0|[1-9][0-9]*)$", list("-0123456789")),
):
    StrictLoader.add_implicit_resolver(_tag, re.compile(_shape), _first)
