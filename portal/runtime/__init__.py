"""Embedded services and the supervision of local processes."""
