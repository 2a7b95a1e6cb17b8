"""The search: the decision core driven through every order of events of a small hostile world.

- ``budgets``: how often things may happen.  ``questions``: the searches that are made.
- ``world``: what is outside of the core.  ``moves``: what may come next.  ``effects``: what it
  leaves behind.
- ``node``: a call in a world, moved together with the promises.
- ``cloning``: copies.  ``matters``: what of a record matters for its future.  ``forms``: the
  canonical forms made of that.
- ``explorer``: the breadth-first search.  ``walking``: seeded walks.  ``report``: what they say.
"""
