"""How a decision is made, the same on a node and in the portal. No input, output or clock."""
