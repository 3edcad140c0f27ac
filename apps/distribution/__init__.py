"""From a signed release to every node and back: reports, consistency."""
