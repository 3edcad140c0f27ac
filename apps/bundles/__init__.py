"""Releases: records, state digest, snapshot bytes, signatures."""
