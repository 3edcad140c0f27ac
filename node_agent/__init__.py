"""Fetches, verifies, stores and enforces releases. Runs without Django."""
