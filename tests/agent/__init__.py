"""A package, so that these tests can share the stage they play on."""
