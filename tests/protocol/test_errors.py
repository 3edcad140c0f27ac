"""Each refusal has a code of its own, and the reference page explains it."""

from __future__ import annotations

from pathlib import Path

from protocol.errors import ProtocolError

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "bundle-format.md"


def classes(base: type[ProtocolError]) -> list[type[ProtocolError]]:
    """Return the classes of protocol.errors; other packages derive from them too."""
    below = [found for child in base.__subclasses__() for found in classes(child)]
    return [c for c in (base, *below) if c.__module__ == "protocol.errors"]


def test_no_two_refusals_share_a_code() -> None:
    codes = [found.code for found in classes(ProtocolError)]
    assert len(codes) == len(set(codes))


def test_the_reference_page_explains_every_code() -> None:
    page = PAGE.read_text(encoding="utf-8")
    codes = {found.code for found in classes(ProtocolError)} | {"record.duplicate"}
    assert {code for code in codes if f"| `{code}` |" not in page} == set()
