"""Pages and answers of signing in by an identity provider."""
