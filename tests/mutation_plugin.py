"""Pytest plugin for `make mutate`: the same examples each time, quick tests first."""

from __future__ import annotations

import pytest
from hypothesis import settings

# The same examples for every mutant, and no failure by the clock.
settings.register_profile(
    "mutation", max_examples=50, deadline=None, derandomize=True, database=None
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the tests with one example speak before those with many."""
    items.sort(key=lambda item: item.get_closest_marker("hypothesis") is not None)
