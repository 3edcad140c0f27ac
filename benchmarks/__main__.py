"""Run all measurements: python -m benchmarks [--quick] [--json FILE]."""

from __future__ import annotations

import argparse
import json
import os
import platform
from pathlib import Path

from benchmarks import (
    bundles,
    decisions,
    editing,
    elevations,
    fanout,
    impact,
    releases,
    search,
    sign_in,
    simulating,
)
from benchmarks.measure import table
from benchmarks.product import product


def main() -> None:
    """Measure, print, and write what was asked for."""
    parser = argparse.ArgumentParser(prog="benchmarks")
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    parser.add_argument("--json", type=Path, help="write the figures to a file")
    options = parser.parse_args()
    print(f"{os.cpu_count()} cores, Python {platform.python_version()}\n")
    figures = list(decisions.run([10, 1_000, 10_000], 50 if options.quick else 300))
    figures += bundles.run([1_000, 10_000], 2 if options.quick else 5)
    figures += search.run([(50, 100), (10_000, 1_000)], 3 if options.quick else 10)
    figures += impact.run(10 if options.quick else 50)
    with product() as portal:
        figures += releases.run(portal, 1 if options.quick else 3)
        figures += fanout.run(portal, 3 if options.quick else 10)
        figures += elevations.run(portal, 2 if options.quick else 10)
        figures += sign_in.run(portal, 1 if options.quick else sign_in.TURNS)
        figures += simulating.run(portal, 20 if options.quick else 100)
        figures += editing.run(portal, 20 if options.quick else 100)
    print(table(figures))
    if options.json:
        content = [figure.as_dict() for figure in figures]
        options.json.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
