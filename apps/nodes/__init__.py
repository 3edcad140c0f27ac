"""Machines that run the agent: enrolment, identity, groups."""
