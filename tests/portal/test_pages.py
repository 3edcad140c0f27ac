"""The pages obey the content security policy by what they contain, and are light."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
ASSETS = [p for p in (ROOT / "static").rglob("*") if p.suffix in {".css", ".js"}]
BUDGET_BYTES = 100_000
FORBIDDEN = {
    "an inline script": re.compile(r"<script(?![^>]*\ssrc=)[^>]*>"),
    "an inline style sheet": re.compile(r"<style[\s>]"),
    "a style attribute": re.compile(r"\sstyle\s*=\s*[\"']"),
    "a handler attribute": re.compile(r"<[^>]*\son[a-z]+\s*=\s*[\"']"),
    "a script address": re.compile(r"[\"']javascript:"),
    # It would save a sign-in page or an error under the name of the file.
    "a download attribute": re.compile(r"<a\s[^>]*\sdownload[\s=>]"),
    "a foreign origin": re.compile(r"(?:src|href|action)\s*=\s*[\"'](?:https?:)?//"),
}


def test_there_are_templates_and_assets_to_check() -> None:
    assert TEMPLATES
    assert ASSETS


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_template_holds_what_the_policy_forbids(what: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}: {match.group(0)}"
        for path in TEMPLATES
        for match in FORBIDDEN[what].finditer(path.read_text(encoding="utf-8"))
    ]
    assert found == []


def test_no_script_of_ours_needs_eval() -> None:
    evil = re.compile(r"\beval\s*\(|new Function\s*\(|innerHTML\s*=")
    found = [str(p.relative_to(ROOT)) for p in ASSETS if evil.search(p.read_text())]
    assert found == []


def test_all_our_styles_and_scripts_together_stay_within_the_budget() -> None:
    weight = sum(len(gzip.compress(path.read_bytes())) for path in ASSETS)
    assert weight < BUDGET_BYTES
