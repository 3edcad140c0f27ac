"""What import-linter cannot see."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from django.apps import apps

ROOT = Path(__file__).resolve().parents[2]
RANKS = {
    name: rank
    for rank, names in enumerate(
        [
            ["core"],
            ["limits"],
            ["tenants"],
            ["audit"],
            ["outbox"],
            ["keys"],
            ["accounts", "transparency"],
            ["signin"],
            ["clients", "federation"],
            ["breakglass"],
            ["scopes"],
            ["roles", "notifications"],
            ["policies", "delegations", "elevations", "nodes"],
            ["simulation"],
            ["approvals"],
            ["bundles", "arap"],
            ["distribution"],
            ["compliance", "detection", "reviews"],
            ["dashboard"],
        ],
        start=1,
    )
    for name in names
}
OPEN_TO_OTHERS = {
    *("services", "selectors", "events", "models", "choices", "errors", "rules"),
    *("operations", "authentication", "permissions"),
}
# A handler registers with the outbox, and the key store is an interface of its own.
OPEN_BY_APP = {
    "core": {"admin", "api", "views"},
    "outbox": {"handlers"},
    "keys": {"adapters", "tasks"},
    "accounts": {"adapters", "forms"},
    "signin": {"adapters", "middleware"},
    # The one guarded way out.
    "notifications": {"adapters"},
}


def our_models() -> list[type]:
    return [m for m in apps.get_models() if m.__module__.startswith("apps.")]


@pytest.mark.parametrize("model", our_models(), ids=lambda m: m.__name__)
def test_a_foreign_key_points_down_the_ranks(model: type) -> None:
    own = model._meta.app_label  # type: ignore[attr-defined]
    for field in model._meta.get_fields():  # type: ignore[attr-defined]
        target = getattr(field, "related_model", None)
        if not field.concrete or target is None or isinstance(target, str):
            continue
        label = target._meta.app_label
        if label in RANKS and label != own:
            assert RANKS[label] < RANKS[own], f"{own} points at {label}"


def imports_of_other_apps() -> list[tuple[str, str, str]]:
    found = []
    for path in sorted((ROOT / "apps").rglob("*.py")):
        own = path.relative_to(ROOT / "apps").parts[0]
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.ImportFrom) or node.module is None:
                continue
            parts = node.module.split(".")
            if parts[0] != "apps" or len(parts) < 2 or parts[1] == own:
                continue
            names = [parts[2]] if len(parts) > 2 else [a.name for a in node.names]
            found += [(str(path.relative_to(ROOT)), parts[1], name) for name in names]
    return found


def test_an_import_across_apps_names_only_open_modules() -> None:
    wrong = [
        f"{path} imports apps.{app}.{module}"
        for path, app, module in imports_of_other_apps()
        if module not in OPEN_TO_OTHERS | OPEN_BY_APP.get(app, set())
    ]
    assert wrong == []


def test_the_walk_sees_the_imports_there_are() -> None:
    assert len(imports_of_other_apps()) > 0


def test_only_one_module_knows_guardian() -> None:
    found = set()
    for folder in (
        "apps",
        "engine",
        "node_agent",
        "portal",
        "portward_cli",
        "protocol",
    ):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                names = (
                    [node.module or ""]
                    if isinstance(node, ast.ImportFrom)
                    else [alias.name for alias in node.names]
                    if isinstance(node, ast.Import)
                    else []
                )
                if any(name.split(".")[0] == "guardian" for name in names):
                    found.add(str(path.relative_to(ROOT)))
    assert found == {"apps/roles/models/grants.py"}
