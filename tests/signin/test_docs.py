"""The documented table of operations is the one in the code."""

from __future__ import annotations

from pathlib import Path

from apps.signin.rules.operations import REQUIREMENTS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "security" / "sessions.md"
BEGIN, END = "<!-- operations: begin -->\n", "<!-- operations: end -->"


def table() -> str:
    lines = [
        "| operation | name | level | at most | besides |",
        "|---|---|---|---|---|",
    ]
    for operation, asked in REQUIREMENTS.items():
        besides = [
            word
            for word, holds in (
                ("signed each time", asked.is_bound),
                ("elevated", asked.is_elevated),
            )
            if holds
        ]
        age = f"{asked.max_age // 60} min" if asked.max_age else "-"
        lines.append(
            f"| {asked.label} | `{operation.value}` | {asked.acr.label.lower()} "
            f"| {age} | {', '.join(besides) or '-'} |"
        )
    return "\n".join(lines) + "\n"


def test_the_page_shows_the_table_of_the_code() -> None:
    text = PAGE.read_text(encoding="utf-8")
    shown = text.split(BEGIN)[1].split(END)[0]
    assert shown == table(), "the table of docs/security/sessions.md should read:\n" + (
        table()
    )
