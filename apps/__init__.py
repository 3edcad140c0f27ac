"""One package per domain; ranks and grammar are described in docs/architecture.md."""
