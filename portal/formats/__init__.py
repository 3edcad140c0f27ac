"""How dates look: sortable, and the same for everybody."""
