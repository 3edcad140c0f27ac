"""Ask regularly whether people still need what they hold."""
