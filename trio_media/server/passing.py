"""The channel between the supervisor and one worker: connections go down, reports come up.

A connection is its socket (``SCM_RIGHTS``), the bytes that were read from it, and a ticket by which
the worker says that it is over.  A message is whole or not there at all, so whoever cannot send one
now has sent nothing.

Rule 1: nobody waits to send: what has no room at once is not sent.
Rule 2: a socket that arrives is closed by whoever received it, whatever comes next.

Source: https://man7.org/linux/man-pages/man7/unix.7.html
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import sys
from typing import Final

import attrs
import msgspec
import trio

from trio_media.errors import LocalProtocolError
from trio_media.server.heads import BODY_MAX_BYTES, HEAD_MAX_BYTES, RECEIVE_BYTES
from trio_media.server.roster import Report

# Datagrams have the same borders between messages, but no end when the other side is closed; macOS
# has nothing else.
_KIND: Final = socket.SOCK_SEQPACKET if sys.platform != "darwin" else socket.SOCK_DGRAM
_TICKET: Final = struct.Struct(">Q")
MESSAGE_MAX_BYTES: Final = _TICKET.size + HEAD_MAX_BYTES + BODY_MAX_BYTES + 2 * RECEIVE_BYTES
BUFFER_BYTES: Final = 4 * MESSAGE_MAX_BYTES  # what a worker may leave unread; the kernel may cap it


@attrs.frozen
class Passed:
    """A connection that a worker was given."""

    ticket: int
    received: bytes
    """What was read from it."""
    connection: socket.socket | None
    """None: it was lost on its way, because this process has too many files open."""


def open_channel() -> tuple[ChannelEnd, socket.socket]:
    """Make a channel: the supervisor's end, and the worker's, to be inherited."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, _KIND)
    return ChannelEnd(ours), theirs


def inherited_channel(fd: int) -> ChannelEnd:
    """Take the end that this process has inherited.

    Raises:
        OSError: there is no socket of that number.
    """
    return ChannelEnd(socket.socket(fileno=fd))


class ChannelEnd:
    """One end of a channel.  Closed with `close`."""

    def __init__(self, end: socket.socket) -> None:
        # What this process starts itself must not keep the channel open.
        end.set_inheritable(False)
        end.setblocking(False)
        for buffer in (socket.SO_SNDBUF, socket.SO_RCVBUF):
            end.setsockopt(socket.SOL_SOCKET, buffer, BUFFER_BYTES)
        self._end = end

    def close(self) -> None:
        """Close this end, at which nobody waits any more; sockets that wait in it are closed."""
        self._end.close()

    def pass_on(self, ticket: int, received: bytes, fd: int) -> bool:
        """Give the connection ``fd`` to the other side; False when that is not possible now.

        It is the other side's then, but for our copy, which is to be closed.
        """
        try:
            socket.send_fds(self._end, [_TICKET.pack(ticket) + received], [fd])
        except OSError:
            return False  # full, closed, or too many sockets on their way
        return True

    def report(self, report: Report) -> bool:
        """Say something to the supervisor; False when that is not possible now."""
        try:
            self._end.send(msgspec.json.encode(report))
        except OSError:
            return False
        return True

    async def next_passed(self) -> Passed | None:
        """Wait for a connection; None when the supervisor is gone.

        Cancellation: loses nothing.
        """
        while True:
            await trio.lowlevel.wait_readable(self._end)
            with contextlib.suppress(BlockingIOError):
                return self._receive_passed()

    def _receive_passed(self) -> Passed | None:
        try:
            message, fds, _flags, _address = socket.recv_fds(self._end, MESSAGE_MAX_BYTES, 1)
        except ConnectionError:
            return None
        for fd in fds:
            os.set_inheritable(fd, False)
        if len(message) < _TICKET.size:
            return None
        connection = socket.socket(fileno=fds[0]) if fds else None
        (ticket,) = _TICKET.unpack_from(message)
        return Passed(ticket, message[_TICKET.size :], connection)

    async def next_report(self) -> Report | None:
        """Wait for a report; None when the worker is gone.

        Cancellation: loses nothing.

        Raises:
            LocalProtocolError: it is none.
        """
        while True:
            await trio.lowlevel.wait_readable(self._end)
            with contextlib.suppress(BlockingIOError):
                return self._receive_report()

    def _receive_report(self) -> Report | None:
        try:
            message = self._end.recv(MESSAGE_MAX_BYTES)
        except ConnectionError:
            return None
        if not message:
            return None
        try:
            return msgspec.json.decode(message, type=Report)
        except (msgspec.MsgspecError, UnicodeDecodeError) as wrong:
            raise LocalProtocolError(f"a worker's report cannot be read: {wrong}") from wrong
