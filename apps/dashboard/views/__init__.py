"""The fleet, who may do what, and why."""
