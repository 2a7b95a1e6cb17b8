"""The search: the decision core driven through every order of events of a small hostile world.

- ``budgets``: how often things may happen.  ``questions``: the searches that are made.
- ``world``: what is outside of the core.  ``moves``: what may come next.  ``effects``: what it
  leaves behind.
- ``node``: a call in a world, moved together with the promises.
- ``records``: what a record holds.  ``cloning``: copies of records.  ``packing``: small ones.
  ``matters``: what of a record matters for its future, and ``forgetting``: which do not at all.
  ``forms``: the canonical forms made of that.
- ``explorer``: the breadth-first search.  ``walking``: seeded walks.  ``rest``: whether time alone
  brings a call to rest.  ``report``: what they say.  ``exploring``: the command.
"""
