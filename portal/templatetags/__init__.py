"""Tags for templates of the console."""
