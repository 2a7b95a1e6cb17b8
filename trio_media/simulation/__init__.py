"""Worlds in which the decision core, and later whole calls, are driven through every order of events.

- ``world``: what can happen next to a call: a model service, a carrier, a caller, and their faults.
- ``explorer``: a breadth-first search over the core's canonical states, and seeded walks.
"""
