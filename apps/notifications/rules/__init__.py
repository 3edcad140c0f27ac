"""Decisions about what is told, to whom and where. Pure."""
