"""Rate limits: token buckets, whose address a request comes from, and what was refused."""
