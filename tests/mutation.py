"""Run mutmut over the code that decides, and judge the score.

What to change and which tests must notice stands in pyproject.toml. The score is the
share of mutants that some test noticed. A mutant that no test reaches counts as one
that survived. One that ran out of time is tried again alone: on a busy machine it may
just have been slow.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Mapping
from fnmatch import fnmatch
from pathlib import Path

from mutmut.stats import status_by_exit_code

ROOT = Path(__file__).resolve().parents[1]
LEAST = 90
_MUTANTS = ROOT / "mutants"
_COLUMNS = ("killed", "timeout", "survived", "no tests")
_NOTICED = {"killed", "timeout", "caught by type check"}
_CERTAIN = {"killed", "survived", "no tests", "caught by type check"}


def main(patterns: list[str]) -> int:
    """Run, print the figures, and fail below the least score."""
    started = time.monotonic()
    shutil.rmtree(_MUTANTS, ignore_errors=True)
    _run("2", patterns)
    uncertain = sorted(
        name for name, found in _outcomes(patterns).items() if found not in _CERTAIN
    )
    if uncertain:
        _run("1", uncertain)
    outcomes = _outcomes(patterns)
    for name, found in sorted(outcomes.items()):
        if found != "killed":
            sys.stdout.write(f"{found:10} {name}\n")
    score = _report(outcomes)
    minutes = (time.monotonic() - started) / 60
    line = f"{score:.1f} % noticed (at least {LEAST}) in {minutes:.0f} minutes"
    sys.stdout.write(f"{line}\n")
    return 0 if score >= LEAST else 1


def _run(children: str, names: list[str]) -> None:
    mutmut = [sys.executable, "-m", "mutmut", "run", "--max-children", children]
    subprocess.run([*mutmut, *names], cwd=ROOT, check=True)  # our own arguments


def _outcomes(patterns: list[str]) -> dict[str, str]:
    """Return how each mutant fared, by name."""
    found: dict[str, str] = {}
    for path in _MUTANTS.rglob("*.py.meta"):
        codes = json.loads(path.read_text("utf-8"))["exit_code_by_key"]
        found |= {name: status_by_exit_code[code] for name, code in codes.items()}
    return {
        name: outcome
        for name, outcome in found.items()
        if not patterns or any(fnmatch(name, pattern) for pattern in patterns)
    }


def _report(outcomes: Mapping[str, str]) -> float:
    """Print the figures of each module and of all; return the score."""
    modules: dict[str, Counter[str]] = defaultdict(Counter)
    for name, outcome in outcomes.items():
        modules[name.rpartition(".")[0]][outcome] += 1
    total = sum(modules.values(), Counter[str]())
    titles = "".join(f"{column:>10}" for column in (*_COLUMNS, "other", "score"))
    sys.stdout.write(f"{'':34}{titles}\n")
    for module, figures in sorted(modules.items()):
        _line(module, figures)
    return _line("all", total)


def _line(title: str, figures: Counter[str]) -> float:
    known = [figures[column] for column in _COLUMNS]
    shown = "".join(
        f"{number:>10}" for number in (*known, figures.total() - sum(known))
    )
    noticed = sum(figures[outcome] for outcome in _NOTICED)
    score = 100 * noticed / max(figures.total(), 1)
    sys.stdout.write(f"{title:34}{shown}{score:>9.1f}%\n")
    return score


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
