"""Machines that run the agent: enrollment, identity, groups."""
