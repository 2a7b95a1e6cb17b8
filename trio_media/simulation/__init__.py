"""Worlds in which the decision core, and later whole calls, meet every order of events.

- ``world``: what can happen next to a call: a model service, a caller, and their faults.
- ``carrier``: the carrier of that world, which plays in real time.
- ``cloning``: copies and canonical forms of the core's state.
- ``explorer``: a breadth-first search over the canonical states, and seeded walks.
- ``budgets``: the searches that are made.
- ``driving``: a call to the core, driven by hand.
"""
