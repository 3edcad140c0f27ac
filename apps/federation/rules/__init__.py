"""Decisions about tokens and mappings. Pure."""
