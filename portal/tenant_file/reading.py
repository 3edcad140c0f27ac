"""Read a tenant's file: strict YAML, and items whose fields are known.

YAML's surprises are switched off: 18:00 is a text and not 1080, NO is Norway and not
false, a key that occurs twice is an error and not the last one.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from apps.core.rules import StrictLoader
from portal.tenant_file.errors import TenantFileError

_LARGEST = 16 * 1024 * 1024
SECTIONS = (
    *("tenant", "calendars", "windows", "locations", "resource_types", "attributes"),
    *("roles", "resource_groups", "resources", "principals", "assignments", "policies"),
    *("users", "eligibilities", "node_groups", "samples"),
    *("groups", "separations", "flows"),
)


class Item:
    """One mapping of the file, which knows where it stands."""

    def __init__(self, value: object, path: str, known: tuple[str, ...]) -> None:
        if not isinstance(value, Mapping):
            raise _wrong(path, "a mapping")
        self.path = path
        self.value: Mapping[str, Any] = value
        for name in value:
            if name not in known:
                raise TenantFileError.at(
                    f"{path}.{name}" if path else str(name),
                    "unknown_field",
                    f"There is no field “{name}” here.",
                    f"Use one of {', '.join(known)}.",
                )

    def at(self, name: str) -> str:
        """Return the path of a field."""
        return f"{self.path}.{name}" if self.path else name

    def text(self, name: str, default: str | None = None) -> str:
        """Return a text; without a default it must be there."""
        value = self.value.get(name, default)
        if value is None:
            raise TenantFileError.at(
                self.at(name), "missing", f"“{name}” is missing.", f"Add “{name}”."
            )
        if not isinstance(value, str):
            raise _wrong(self.at(name), "a text")
        return value

    def flag(self, name: str) -> bool:
        """Return true or false; false when it is not there."""
        value = self.value.get(name, False)
        if not isinstance(value, bool):
            raise _wrong(self.at(name), "true or false")
        return value

    def number(self, name: str) -> int | None:
        """Return a whole number, or nothing."""
        value = self.value.get(name)
        if value is None or (isinstance(value, int) and not isinstance(value, bool)):
            return value
        raise _wrong(self.at(name), "a whole number")

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a list of texts."""
        value = self.value.get(name) or []
        if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
            raise _wrong(self.at(name), "a list of texts")
        return tuple(value)

    def mapping(self, name: str) -> dict[str, Any]:
        """Return a mapping."""
        value = self.value.get(name) or {}
        if not isinstance(value, dict):
            raise _wrong(self.at(name), "a mapping")
        return value

    def items(self, name: str, *known: str) -> list[Item]:
        """Return a list of mappings."""
        value = self.value.get(name) or []
        if not isinstance(value, list):
            raise _wrong(self.at(name), "a list")
        return [
            Item(item, f"{self.at(name)}[{n}]", known) for n, item in enumerate(value)
        ]


def read_file(path: Path) -> Item:
    """Return the whole file as one item; raises TenantFileError."""
    try:
        if path.stat().st_size > _LARGEST:
            raise TenantFileError.at(
                str(path), "too_large", "The file is too large.", "Split it."
            )
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise TenantFileError.at(
            str(path), "unreadable", f"{error}.", "Name a readable UTF-8 file."
        ) from error
    return read_text(text)


def read_text(text: str) -> Item:
    """Return a file's text as one item; raises TenantFileError."""
    if len(text.encode()) > _LARGEST:
        raise TenantFileError.at(
            "file", "too_large", "The file is too large.", "Split it."
        )
    try:
        content = yaml.load(text, Loader=StrictLoader)  # noqa: S506  # a SafeLoader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}" if mark else "file"
        raise TenantFileError.at(
            place,
            "malformed",
            f"Malformed YAML: {error.problem}.",
            "Correct the file at this place.",
        ) from error
    except (yaml.YAMLError, RecursionError) as error:
        raise TenantFileError.at(
            "file", "malformed", f"Malformed YAML: {error}.", "Correct the file."
        ) from error
    return Item(content, "", SECTIONS)


def _wrong(path: str, expected: str) -> TenantFileError:
    return TenantFileError.at(
        path or "file",
        "type",
        f"“{path or 'The file'}” is not {expected}.",
        f"Write {expected}.",
    )
