"""Sign-in, sessions, and how sure a session is of who is there."""
