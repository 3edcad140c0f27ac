"""Pages of one's own, and of operations."""
