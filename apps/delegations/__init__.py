"""Lend a part of what one holds, for a time."""
