"""Find Chromium, or install it: from the system's packages, else Playwright's own.

Usage: python -m tests.provide_browser. Never fails: without a browser the browser
tests are skipped, and the summary of the run says so.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find_browser() -> str | None:
    """Return the path of a Chromium, or None."""
    for name in NAMES:
        if found := shutil.which(name):
            return found
    cache = Path(
        os.environ.get("PLAYWRIGHT_BROWSERS_PATH", "")
        or Path.home() / ".cache" / "ms-playwright"
    )
    own = sorted(cache.glob("chromium-*/chrome-linux*/chrome"))
    return str(own[-1]) if own else None


def _run(*command: str) -> bool:
    try:
        return subprocess.run(command, check=False, timeout=600).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def provide() -> str | None:
    """Return the path of a Chromium, installing one if need be."""
    if found := find_browser():
        return found
    if os.geteuid() == 0 and shutil.which("apt-get"):
        os.environ["DEBIAN_FRONTEND"] = "noninteractive"
        _run("apt-get", "update", "-qq")
        _run("apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium")
    if found := find_browser():
        return found
    _run(sys.executable, "-m", "playwright", "install", "chromium")
    return find_browser()


if __name__ == "__main__":
    path = provide()
    sys.stdout.write(f"Browser: {path or 'none; browser tests will be skipped'}\n")
