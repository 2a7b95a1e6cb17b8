"""Worlds in which the decision core, and whole calls, meet every order of events.

- ``search``: the core driven through every order of events of a small hostile world.
- ``calls``: whole calls under a virtual clock.
- ``carrier``: a carrier that plays in real time, as small as it can be.
- ``driving``: a call to the core, driven by hand.
"""
