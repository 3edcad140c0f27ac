"""Commands of API clients."""
