"""Decisions about requests for access. Pure."""
