"""Commands of approval."""
