"""The handbook names tests as proofs; each of them exists."""

from __future__ import annotations

import ast
import functools
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    path
    for folder in (ROOT / "docs", ROOT)
    for path in (folder.rglob("*.md") if folder != ROOT else folder.glob("*.md"))
)
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
REQUIREMENT = re.compile(r"^\| (v5\.0\.0-\d+\.\d+\.\d+) \|", re.MULTILINE)
MAPPING = ROOT / "docs" / "security" / "authentication.md"


@functools.cache
def functions(path: Path) -> frozenset[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return frozenset(
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_test_that_a_page_names_exists(page: Path) -> None:
    missing = [
        f"{file}::{name}"
        for file, name in NAMED.findall(page.read_text(encoding="utf-8"))
        if not (ROOT / file).is_file() or name not in functions(ROOT / file)
    ]
    assert missing == []


def test_every_requirement_stands_once_and_with_a_proof() -> None:
    text = MAPPING.read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| v5")]
    named = REQUIREMENT.findall(text)
    assert len(named) == len(rows) == len(set(named))
    assert [row for row in rows if not NAMED.search(row)] == []
    # Whoever looks for a requirement finds it where its number is.
    places = [
        tuple(map(int, name.removeprefix("v5.0.0-").split("."))) for name in named
    ]
    assert places == sorted(places)


def test_no_requirement_is_both_proven_and_not() -> None:
    text = MAPPING.read_text(encoding="utf-8")
    proven = {name.removeprefix("v5.0.0-") for name in REQUIREMENT.findall(text)}
    rest = text[text.index("## What does not apply") :]
    assert proven & set(re.findall(r"\d+\.\d+\.\d+", rest)) == set()
