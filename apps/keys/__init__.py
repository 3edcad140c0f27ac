"""Signing keys: hierarchy, stores, rotation."""
