"""The other ends: bare sockets that send ready-made frames, so that they cost next to nothing."""

from __future__ import annotations

import selectors
import socket
import time
from typing import Final

TEXT: Final = b"x" * 250
HEAD: Final = bytes((0x81, 0x80 | 126)) + len(TEXT).to_bytes(2, "big")
FRAME: Final = HEAD + bytes(4) + TEXT  # masked with nothing
ANSWER_BYTES: Final = 4 + len(TEXT)
EVERY_S: Final = 0.02
UPGRADE: Final = (
    b"GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


def connect(port: int) -> socket.socket:
    """Connect and upgrade."""
    peer = socket.create_connection(("127.0.0.1", port))
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    peer.sendall(UPGRADE)
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += peer.recv(1)
    return peer


def read(peer: socket.socket, wanted_bytes: int) -> None:
    """Read so many bytes."""
    while wanted_bytes > 0:
        wanted_bytes -= len(peer.recv(min(wanted_bytes, 65_536)))


def load(name: str, peers: list[socket.socket], messages: int) -> None:
    """Exchange so many messages with each, and close."""
    if name == "receive":
        for peer in peers:
            for _ in range(messages):
                peer.sendall(FRAME)
            read(peer, ANSWER_BYTES)
    elif name.startswith("send"):
        for peer in peers:
            peer.sendall(FRAME)
            read(peer, messages * ANSWER_BYTES)
    elif name == "echo":
        _echo(peers, messages)
    else:
        _pace(peers, messages)
    for peer in peers:
        peer.close()


def _echo(peers: list[socket.socket], messages: int) -> None:
    """One message in flight on each."""
    left = dict.fromkeys(peers, messages)
    with selectors.DefaultSelector() as selector:
        for peer in peers:
            selector.register(peer, selectors.EVENT_READ)
            peer.sendall(FRAME)
        while left:
            for key, _ in selector.select():
                peer = key.fileobj
                assert isinstance(peer, socket.socket)
                read(peer, ANSWER_BYTES)
                left[peer] -= 1
                if left[peer]:
                    peer.sendall(FRAME)
                else:
                    del left[peer]
                    selector.unregister(peer)


def _pace(peers: list[socket.socket], messages: int) -> None:
    """A message every 20 ms on each, the connections evenly apart, as callers are."""
    due_s = time.monotonic()
    for _ in range(messages):
        for peer in peers:
            due_s += EVERY_S / len(peers)
            time.sleep(max(0.0, due_s - time.monotonic()))
            peer.sendall(FRAME)
    for peer in peers:
        read(peer, messages * ANSWER_BYTES)
