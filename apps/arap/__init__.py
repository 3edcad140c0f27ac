"""Access requests of OpenID AuthZEN: ask, poll, and ask for the decision again."""
