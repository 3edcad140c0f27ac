"""How tables about access link to what they name."""
