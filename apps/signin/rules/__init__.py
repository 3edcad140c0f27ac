"""Decisions about sessions, assurance, operations and risk. Pure."""
