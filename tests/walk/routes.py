"""Every route of the URLconf, found by walking it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from django.urls import URLPattern, URLResolver, get_resolver

_PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")
_GROUP = re.compile(r"\(\?P<(\w+)>[^)]*\)")


@dataclass(frozen=True)
class Route:
    """One address: its name with namespaces, or its text where it has no name."""

    name: str
    text: str

    @property
    def parameters(self) -> list[str]:
        """Return the names of what stands for a value."""
        return _PARAMETER.findall(self._plain)

    def address(self, values: Mapping[str, str]) -> str:
        """Return the path with values in place of the parameters."""
        return "/" + _PARAMETER.sub(lambda match: values[match[1]], self._plain)

    @property
    def _plain(self) -> str:
        return _GROUP.sub(r"<\1>", self.text).replace("^", "").replace("$", "")


def routes() -> list[Route]:
    """Return every route that the portal answers."""
    return list(_walk(get_resolver().url_patterns, (), ""))


def _walk(
    patterns: Sequence[URLPattern | URLResolver], spaces: tuple[str, ...], before: str
) -> Iterator[Route]:
    for pattern in patterns:
        text = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            inner = (pattern.namespace,) if pattern.namespace else ()
            yield from _walk(pattern.url_patterns, (*spaces, *inner), text)
        else:
            name = ":".join((*spaces, pattern.name)) if pattern.name else text
            yield Route(name, text)
