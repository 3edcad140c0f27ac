"""Errors, abstract models, migration operations. A closed list."""
