"""Pages and answers of sign-in, confirmation and sessions."""
