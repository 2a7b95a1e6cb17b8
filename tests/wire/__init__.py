"""Calls attacked from outside: real sockets, real time, and an observer of both wires.

The model, the phone and the observer import nothing of trio_media: they know the two protocols by
themselves, so that they do not share a mistake with what they test.
"""
