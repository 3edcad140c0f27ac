"""Measurements. Every figure stands beside a baseline from the same run."""
