"""Stand-ins for the other side, real enough that nothing needs a mock."""
