"""Rate limits, whose address a request comes from, and what was refused."""
