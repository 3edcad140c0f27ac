"""Pages that read across the apps. No models."""
