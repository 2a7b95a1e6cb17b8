"""A package, so that these tests can share the wires they run over."""
