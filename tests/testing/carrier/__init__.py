"""A package, so that these tests can share the world they run in."""
