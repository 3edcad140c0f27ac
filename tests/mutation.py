"""Run mutmut over the code that decides, and judge the score.

What to change and which tests must notice stands in pyproject.toml. The score is the
share of mutants that some test killed, of all that tests reached.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LEAST = 90
_STATS = ROOT / "mutants" / "mutmut-cicd-stats.json"


def main(arguments: list[str]) -> int:
    """Run, print the figures, and fail below the least score."""
    mutmut = [sys.executable, "-m", "mutmut"]
    subprocess.run(  # our own arguments
        [*mutmut, "run", "--max-children", "1", *arguments], cwd=ROOT, check=False
    )
    subprocess.run([*mutmut, "export-cicd-stats"], cwd=ROOT, check=True)
    stats = json.loads(_STATS.read_text("utf-8"))
    killed = stats["killed"] + stats["timeout"] + stats["segfault"]
    tried = killed + stats["survived"] + stats["suspicious"]
    score = 100 * killed / tried if tried else 0
    line = f"{killed} of {tried} mutants killed: {score:.1f} % (at least {LEAST})"
    sys.stdout.write(f"{line}\n")
    return 0 if score >= LEAST else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
