"""OAuth clients and the access tokens that they are given."""
