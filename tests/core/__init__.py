"""A package, so that these tests can share the call that they drive."""
