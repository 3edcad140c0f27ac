"""The node agent: fetches, verifies, stores and enforces releases. Runs without Django."""
