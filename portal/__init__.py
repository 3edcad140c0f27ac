"""Composition of the applications: settings, URLs, processes."""
