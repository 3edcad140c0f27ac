"""Who may be granted what: principals, resources, permissions, roles, assignments."""
