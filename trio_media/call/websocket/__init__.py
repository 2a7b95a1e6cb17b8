"""Legs over the protocol objects of the library ``websockets``, without a task that reads.

Rule 1: bytes, frames and tasks are apart: `wire` writes and reads, `conversation` knows frames and
        is pure, `leg` puts the two together, `handshake` makes legs.
Rule 2: whoever wants a message reads the stream; one read may give many messages.
Rule 3: only this package imports ``websockets``, and nothing imports this package that can do
        without it: see `call.transports`.
"""
