"""The isolation boundary: tenants and the scope in which their rows are visible."""
