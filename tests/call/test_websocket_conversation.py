"""What frames mean, without a stream.  `test_leg_conformance` has them one by one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from websockets.protocol import OPEN
from websockets.server import ServerProtocol

from trio_media.call.websocket.conversation import ABNORMAL, Conversation

from .raw_websocket import BINARY, CLOSE, CONT, PING, PONG, TEXT, frame


def make(max_bytes: int = 1_000) -> Conversation:
    return Conversation(ServerProtocol(state=OPEN, max_size=max_bytes), max_bytes)


def masked(opcode: int, payload: bytes = b"", *, fin: bool = True) -> bytes:
    return frame(opcode, payload, masked=True, fin=fin)


def test_it_says_whether_a_message_came_out() -> None:
    talk = make()
    assert not talk.receive(masked(PING))
    assert not talk.receive(masked(TEXT, b"a", fin=False))
    assert talk.receive(masked(CONT, b"b"))
    assert list(talk.messages) == ["ab"]


def test_pongs_are_kept_for_whoever_asked() -> None:
    talk = make()
    talk.receive(masked(PONG, b"1") + masked(PONG, b"2"))
    assert talk.pongs == [b"1", b"2"]


def test_the_first_reason_is_the_one_that_is_told() -> None:
    talk = make()
    talk.receive(masked(CLOSE, b"\x03\xe9"))
    assert talk.reason == "closed with 1001"
    talk.lost("reset")
    talk.receive(b"")
    assert talk.reason == "closed with 1001"
    assert talk.is_done


def test_the_end_of_the_stream_is_an_end_without_a_goodbye() -> None:
    talk = make()
    talk.receive(b"")
    assert (talk.reason, talk.is_done, talk.is_open) == (ABNORMAL, True, False)


def test_what_comes_behind_our_goodbye_is_not_listened_to() -> None:
    talk = make()
    talk.close(1000, "")
    assert not talk.receive(masked(TEXT, b"a"))
    assert not talk.is_done
    talk.receive(masked(CLOSE, b"\x03\xe8"))
    assert talk.is_done
    talk.close(1000, "")
    assert talk.outgoing()[1], "a server ends the stream"


def test_what_is_lost_is_not_open() -> None:
    talk = make()
    talk.lost("reset")
    assert not talk.is_open
    talk.close(1000, "")
    assert talk.outgoing() == (b"", False)


def test_a_text_that_is_none_in_front_of_a_goodbye_is_not_given_out() -> None:
    talk = make()
    assert not talk.receive(masked(TEXT, b"\xff") + masked(CLOSE, b"\x03\xe8"))
    assert talk.reason == "closed with 1007 no UTF-8: invalid start byte"
    assert talk.outgoing()[0].startswith(b"\x88\x1e\x03\xef"), "the goodbye came too late"


@given(st.lists(st.binary(max_size=40), max_size=20), st.data())
def test_bytes_mean_the_same_however_they_are_cut(
    payloads: list[bytes], data: st.DataObject
) -> None:
    stream = b"".join(
        masked(BINARY, payload[:3], fin=False) + masked(PING, payload) + masked(CONT, payload[3:])
        for payload in payloads
    )
    talk, answers = make(), b""
    while stream:
        cut = data.draw(st.integers(1, len(stream)))
        talk.receive(stream[:cut])
        answers += talk.outgoing()[0]
        stream = stream[cut:]
    assert list(talk.messages) == payloads
    assert answers == b"".join(frame(PONG, payload, masked=False) for payload in payloads)


@given(st.lists(st.binary(min_size=1, max_size=30), max_size=20))
def test_no_bytes_crash_it(pieces: list[bytes]) -> None:
    talk = make()
    for piece in pieces:
        talk.receive(piece)
    talk.receive(b"")
    assert talk.reason is not None


# --- what is cut out by hand, and what the library would have made of it --------------------------


def frames_of_any_kind() -> st.SearchStrategy[bytes]:
    """Frames that are as they should be, and some that are not."""
    rsv = st.sampled_from([0] * 12 + [0x40])
    masks = st.sampled_from([True] * 12 + [False])
    opcodes = st.sampled_from([TEXT] * 8 + [CONT, CONT, BINARY, PING, PONG, CLOSE, 3, 11])
    payloads = st.one_of(
        st.text(max_size=40).map(str.encode),
        st.binary(max_size=20),
        st.sampled_from([b"x" * 125, b"x" * 126, b"x" * 1_000, b"x" * 1_001, b"\x03\xe8"]),
    )
    return st.builds(
        frame,
        opcodes,
        payloads,
        masked=masks,
        fin=st.sampled_from([True] * 4 + [False]),
        rsv=rsv,
    )


@given(st.lists(frames_of_any_kind(), max_size=12), st.data())
def test_the_library_alone_would_say_the_same(frames: list[bytes], data: st.DataObject) -> None:
    talk, library = make(), make()
    library._is_odd = True  # it is given everything
    stream = b"".join(frames)
    while stream:
        end = data.draw(st.integers(1, len(stream)))
        came = talk.receive(stream[:end])
        assert came == (library.receive(stream[:end])), "a message is due as soon as it is here"
        stream = stream[end:]
    assert talk.messages == library.messages
    assert talk.pongs == library.pongs
    if talk.reason is None or "UTF-8" not in talk.reason:
        # A text that is none is refused before what is behind it is read.
        assert (talk.reason, talk.is_done) == (library.reason, library.is_done)
        assert talk.outgoing() == library.outgoing()


def test_a_frame_in_many_parts_is_put_together_once() -> None:
    talk = make(100_000)
    stream = masked(TEXT, b"x" * 90_000)
    for start in range(0, len(stream) - 1, 1_000):
        assert not talk.receive(stream[start : min(start + 1_000, len(stream) - 1)])
    assert talk.receive(stream[-1:])
    assert talk.messages == ["x" * 90_000]
