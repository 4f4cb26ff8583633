"""The same figures of other systems, each in an environment of its own."""
