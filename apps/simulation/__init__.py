"""What would be: simulation of decisions, and the impact of changes before they are."""
