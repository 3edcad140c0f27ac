"""Failures of the app."""
