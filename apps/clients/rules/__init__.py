"""Rules of clients, their assertions, certificates and access tokens."""
