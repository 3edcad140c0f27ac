"""Management of the installation as a whole."""
