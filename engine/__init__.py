"""How a decision is made, on a node and in the portal. No I/O, no clock."""
