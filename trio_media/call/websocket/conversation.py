"""What the frames of one websocket mean, on either side.  Pure: bytes in, messages and bytes out.

Rule 1: the frames are the library's matter; messages, their text and why it ended are ours.
Rule 2: whole texts are cut out by hand (`frames`), in front of the library.  It is given all other
frames, whole; from the first that is odd, or behind a goodbye, it is given everything.
Rule 3: the first reason why a conversation ended is the one that is told.

Wire facts: RFC 6455; where we refuse what a peer sends, the close code is that of its section 7.4.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import attrs
from websockets.client import ClientProtocol
from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Request, Response
from websockets.protocol import CLIENT, SEND_EOF, State
from websockets.server import ServerProtocol

from trio_media.call.websocket.frames import KEY_BYTES, KEYS, Odd, cut, text_frame, xor_mask

CONT, TEXT, CLOSE, PONG = Opcode.CONT, Opcode.TEXT, Opcode.CLOSE, Opcode.PONG
ABNORMAL: Final = "closed with 1006"  # what RFC 6455 calls an end without a goodbye
REASON_BYTES_MAX: Final = 123  # what a close frame has room for


@attrs.define(eq=False)
class Conversation:
    """One open websocket, without its stream."""

    _protocol: ServerProtocol | ClientProtocol
    _message_bytes_max: int
    """The protocol's, of a message."""
    messages: list[str | bytes] = attrs.field(factory=list)
    """Complete messages that nobody has taken."""
    pongs: list[bytes] = attrs.field(factory=list)
    """What the pongs carried that nobody has looked at."""
    reason: str | None = None
    """Why there will be no more messages than those above; None: there may be."""
    is_done: bool = False
    """Nothing more is to be read: both have said goodbye, or the stream has ended."""
    _is_client: bool = attrs.field(init=False)
    _unread: bytearray = attrs.field(factory=bytearray)
    """A frame that is not all here yet."""
    _unread_bytes_min: int = 0
    """So long is what is unread at least, when there is anything to be done with it."""
    _is_odd: bool = False
    """The library is given everything."""
    _opcode: int | None = None
    """Of the message of which fragments have come; None: there is none."""
    _fragments: list[bytes] = attrs.field(factory=list)
    _said: list[bytes] = attrs.field(factory=list)
    """Texts that must be written."""

    def __attrs_post_init__(self) -> None:
        self._is_client = self._protocol.side is CLIENT

    @property
    def is_open(self) -> bool:
        """Whether messages can be sent."""
        return self.reason is None and self._protocol.state is State.OPEN

    # --- what the peer says ---

    def receive(self, received: bytes | bytearray) -> bool:
        """Take bytes in; ``b""`` is the stream's end.  Returns whether a message came out."""
        if not received:
            self._protocol.receive_eof()
            self._over(ABNORMAL)
            self.is_done = True
            return False
        waiting = len(self.messages)
        if self._unread:
            self._unread += received
            if len(self._unread) < self._unread_bytes_min:
                return False
            received, self._unread = self._unread, bytearray()
        read_bytes = 0
        if not self._is_odd and self.reason is None:
            read_bytes = self._read_frames(received)
        rest = received[read_bytes:] if read_bytes else received
        if rest and (self._is_odd or self.reason is not None):
            self._give(rest)
        elif rest:
            self._unread += rest
        return len(self.messages) > waiting

    def _read_frames(self, received: bytes | bytearray) -> int:
        """Read the frames that are whole; return how many bytes they are."""
        start, end = 0, len(received)
        masked, max_bytes = not self._is_client, self._message_bytes_max
        while start < end and self.reason is None:
            try:
                found = cut(received, start, masked=masked, max_bytes=max_bytes)
            except Odd:
                self._is_odd = True
                break
            if found is None or found.end > end:
                self._unread_bytes_min = 0 if found is None else found.end - start
                break
            if found.is_plain and self._opcode is None:
                payload = bytes(received[found.payload_start : found.end])
                if masked:
                    key = bytes(received[found.payload_start - KEY_BYTES : found.payload_start])
                    payload = xor_mask(payload, key)
                self._message(TEXT, payload)
            else:
                self._give(received[start : found.end])
            start = found.end
        return start

    def _give(self, received: bytes | bytearray) -> None:
        """Have the library read."""
        self._protocol.receive_data(bytes(received))
        self.take(self._protocol.events_received())

    def take(self, events: Iterable[Frame | Request | Response]) -> None:
        """Take frames in that the protocol object has found."""
        for frame in events:
            assert isinstance(frame, Frame), "the handshake is over"
            if self.reason is not None:
                break
            if frame.opcode is TEXT and frame.fin:
                self._message(TEXT, frame.data)
            else:
                self._take_rare(frame)
        if self._protocol.state is not State.OPEN:
            self._ended_by_protocol()

    def _take_rare(self, frame: Frame) -> None:
        if frame.opcode is PONG:
            self.pongs.append(bytes(frame.data))
        elif frame.opcode < CLOSE:
            if frame.opcode is not CONT:
                self._opcode = frame.opcode
            if frame.data:  # fragments without content are nothing to keep
                self._fragments.append(bytes(frame.data))
            if frame.fin:
                whole, self._fragments = b"".join(self._fragments), []
                assert self._opcode is not None, "the library checks the order of frames"
                opcode, self._opcode = self._opcode, None
                self._message(opcode, whole)

    def _message(self, opcode: int, payload: bytes | bytearray | memoryview) -> None:
        if opcode != TEXT:
            self.messages.append(bytes(payload))
            return
        try:
            self.messages.append(str(payload, "utf-8"))
        except UnicodeDecodeError as error:
            if self._protocol.state is State.OPEN:
                self._protocol.fail(CloseCode.INVALID_DATA, f"no UTF-8: {error.reason}")
            self._over(f"closed with {CloseCode.INVALID_DATA:d} no UTF-8: {error.reason}")

    def _ended_by_protocol(self) -> None:
        """Note how the conversation came to its end, if it did: state closing is ours alone."""
        came, sent = self._protocol.close_rcvd, self._protocol.close_sent
        refused = self._protocol.parser_exc is not None
        if came is not None and not refused:
            self._over(_goodbye(came.code, came.reason))
            self.is_done = True
        elif sent is not None and refused:
            self._over(_goodbye(sent.code, sent.reason))

    def lost(self, reason: str = "") -> None:
        """The stream is gone."""
        self._over(reason or ABNORMAL)
        self.is_done = True

    def _over(self, reason: str) -> None:
        if self.reason is None:
            self.reason = reason

    # --- what we say ---

    def send(self, messages: Sequence[str]) -> None:
        """Say messages.  Only while the conversation is open."""
        for message in messages:
            self._said.append(text_frame(message, KEYS.next() if self._is_client else None))

    def ping(self, payload: bytes) -> None:
        """Ask for a pong with this payload.  Only while the conversation is open."""
        self._protocol.send_ping(payload)

    def close(self, code: int, reason: str) -> None:
        """Say goodbye, unless that was said."""
        if self.is_open:
            short = reason.encode()[:REASON_BYTES_MAX].decode(errors="ignore")
            self._protocol.send_close(code, short)
            self._over(_goodbye(code, short))

    def outgoing(self) -> tuple[bytes, bool]:
        """Return what must be written now, and whether nothing will ever follow it."""
        pieces = self._said
        theirs = self._protocol.data_to_send()
        if theirs:
            pieces = pieces + theirs
        self._said = []
        return (pieces[0] if len(pieces) == 1 else b"".join(pieces)), SEND_EOF in theirs


def _goodbye(code: int, reason: str) -> str:
    text = f"closed with {code:d}"
    return f"{text} {reason}" if reason else text
