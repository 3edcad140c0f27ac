"""Show answers to people: tables and colors on a terminal, plain text elsewhere."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import yaml
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from portward_cli.errors import Reason
from protocol.provenance import Provenance

_MOST_EXAMPLES = 10
_SIGNS = {"new": "[green]+[/]", "changed": "[yellow]~[/]", "remove": "[red]-[/]"}


def as_json(console: Console, answer: object) -> None:
    """Print an answer as it came."""
    console.print_json(json.dumps(answer))


def reasons(console: Console, found: Iterable[Reason]) -> None:
    """Say what is wrong, where, and what to do."""
    for one in found:
        place = f"{escape(one.field)}: " if one.field else ""
        console.print(f"[red]✗[/] {place}{escape(one.message)} {escape(one.remedy)}")
        console.print(f"  [dim]{escape(one.code)}[/]")


def plan(console: Console, answer: Mapping[str, Any]) -> None:
    """Say what applying a file does."""
    for change in answer["changes"]:
        name = f"{change['section']} {escape(change['name'])}"
        console.print(f"{_SIGNS[change['kind']]} {name}")
        if change["kind"] == "changed":
            _fields(console, change["fields_changed"])
    for title in answer["requests"]:
        console.print(f"[cyan]?[/] asks for approval: {escape(title)}")
    if answer["drafts"]:
        names = ", ".join(answer["drafts"])
        console.print(f"[cyan]?[/] drafts to be proposed: {escape(names)}")
    for one in answer["unmanaged"]:
        name = f"{one['section']} {escape(one['name'])}"
        console.print(f"[dim]· {name} is not in the file, and stays[/]")
    if count := removals(answer):
        console.print(f"[red]{count}[/] of these are removed.")
    if is_quiet(answer):
        console.print("The tenant says what the file says.")


def removals(answer: Mapping[str, Any]) -> int:
    """Return how many items applying would remove, at once."""
    return sum(change["kind"] == "remove" for change in answer["changes"])


def is_quiet(answer: Mapping[str, Any]) -> bool:
    """Say whether applying would do nothing."""
    return not (answer["changes"] or answer["requests"])


def impact(console: Console, answer: Mapping[str, Any]) -> None:
    """Say who gains and who loses what."""
    risk = answer["risk"]
    console.print(f"Risk: [bold]{escape(risk['level'])}[/] ({risk['score']} of 100)")
    for factor in risk["factors"]:
        console.print(f"  {factor['points']:>3} {escape(factor['words'])}")
    table = Table("Who", "Change", "What", title="Access that changes")
    for one in answer["examples"][:_MOST_EXAMPLES]:
        table.add_row(*(escape(text) for text in _example(one)))
    if table.row_count:
        console.print(table)
    else:
        console.print("Nobody gains or loses access.")


def reports(console: Console, answer: Iterable[Mapping[str, Any]]) -> int:
    """Show how tests fared, and return how many problems there are."""
    table = Table("Policy", "Passed", "Failed", "Problems", title="Tests")
    problems = 0
    for one in answer:
        problems += len(one["problems"])
        if one["results"] or one["problems"]:
            color = "red" if one["problems"] else "green"
            numbers = (one["passed"], one["failed"], len(one["problems"]))
            table.add_row(
                f"[{color}]{escape(one['policy'])}[/]", *(str(n) for n in numbers)
            )
    console.print(table if table.row_count else "No policy has tests.")
    for one in answer:
        for problem in one["problems"]:
            place = f"{one['policy']}.{problem['field']}"
            reasons(console, [_reason(problem, place)])
    return problems


def findings(console: Console, answer: Iterable[Mapping[str, Any]]) -> int:
    """Show findings, and return how many are errors."""
    errors = 0
    for one in answer:
        is_error = one["severity"] == "error"
        errors += is_error
        color = {"error": "red", "warning": "yellow"}.get(one["severity"], "blue")
        name = one["policy"] or one.get("about", "")
        place = escape(f"{name}.{one['field']}".rstrip("."))
        console.print(
            f"[{color}]{one['severity']}[/] {place}: {escape(one['message'])} "
            f"{escape(one['remedy'])} [dim]{escape(one['code'])}[/]"
        )
    return errors


def chains(console: Console, found: Iterable[Provenance]) -> None:
    """Show the way from each policy back to those who approved it."""
    for one in found:
        color = "green" if one.holds else "red"
        head, *lines = one.lines()
        console.print(f"[{color}]{escape(head)}[/]")
        for line in lines:
            console.print(escape(line))


def decision(console: Console, answer: Mapping[str, Any]) -> None:
    """Show a verdict, beside what is live where that is something else."""
    for side in ("asked", "live"):
        found = answer[side]
        if side == "live" and found == answer["asked"]:
            continue
        verdict = "[green]allowed[/]" if found["decision"] else "[red]denied[/]"
        console.print(f"{escape(found['against'])}: {verdict} ({found['reason']})")
        for stretch in found["strip"]:
            word = "allowed" if stretch["decision"] else "denied"
            console.print(f"  {stretch['start']} to {stretch['end']}  {word}")


def _fields(console: Console, fields: Iterable[Mapping[str, Any]]) -> None:
    for one in fields:
        console.print(f"    {escape(one['name'])}:")
        for sign, color, value in (("-", "red", "before"), ("+", "green", "after")):
            if one[value] is not None:
                text = yaml.safe_dump(one[value], allow_unicode=True, width=90)
                for line in text.removesuffix("...\n").splitlines():
                    console.print(f"      [{color}]{sign} {escape(line)}[/]")


def _reason(problem: Mapping[str, Any], place: str) -> Reason:
    return Reason(problem["code"], problem["message"], place, problem.get("remedy", ""))


def _example(one: Mapping[str, Any]) -> tuple[str, str, str]:
    what = f"{one['action']} {_entity(one['resource'])}"
    return _entity(one["principal"]), str(one["turn"]), what


def _entity(value: Mapping[str, str]) -> str:
    return f"{value['type']}::{value['id']}"
