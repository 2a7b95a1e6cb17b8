"""The transports of legs, by their names in the configuration."""

from __future__ import annotations

from importlib import import_module

from trio_media.call.leg import WEBSOCKETS, Transport
from trio_media.config import TransportName


def transport_named(name: TransportName) -> Transport:
    """Give a transport.  Imports the library under it, and only that: it may not be installed."""
    if name == "trio-websocket":
        return WEBSOCKETS
    frames: Transport = import_module("trio_media.call.websocket.handshake").FRAMES
    return frames
