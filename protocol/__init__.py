"""Bytes that the portal and the agents must agree on. No Django, no input or output."""
