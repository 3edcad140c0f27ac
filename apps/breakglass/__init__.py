"""Sealed accounts for the day when everything else is down."""
