"""Settings, one file per concern and environment."""
