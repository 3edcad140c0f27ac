"""Identity providers that people may sign in with."""
