"""Small changes to the decision core, each of a kind that real systems shipped.

The search must find each of them: if it does not, the promises or the world are too weak.
"""
