"""Where a notification may lead. Pure."""

from __future__ import annotations


def is_own_path(path: str) -> bool:
    """Say whether a path leads to a page of ours and nowhere else."""
    return (
        path.startswith("/")
        and not path.startswith("//")
        and "\\" not in path
        and path.isprintable()
        and " " not in path
    )
