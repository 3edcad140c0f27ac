"""Drafts that compile to Cedar, and the immutable versions they become."""
