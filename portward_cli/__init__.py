"""The command `portward`: policy as code over the REST interface."""
