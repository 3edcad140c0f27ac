"""Hold a role for minutes: what may be asked for, and what was granted."""
