"""Tell people what concerns them, by the ways that they chose."""
