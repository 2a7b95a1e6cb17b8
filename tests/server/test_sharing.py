"""Which worker gets a connection: the table of rules."""

from __future__ import annotations

import itertools
from urllib.parse import urlencode

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import memory_stream_pair

from trio_media.server.addresses import WEBHOOK_PATHS
from trio_media.server.heads import BODY_MAX_BYTES, RequestHead, read_head
from trio_media.server.sharing import (
    Standing,
    Wish,
    dial_id_prefix,
    order_of,
    read_wish,
    wants_form,
)
from trio_media.server.webhooks import WEBHOOKS

FORM = "application/x-www-form-urlencoded"


def worker(number: int, free: int = 5, expected: int = 0, others: int = 0) -> Standing:
    return Standing(number=number, free_slots=free, expected_calls=expected, others=others)


def refusing(number: int, reason: str, free: int = 5, expected: int = 0) -> Standing:
    return Standing(number=number, free_slots=free, refusal=reason, expected_calls=expected)


def silent(number: int) -> Standing:
    return Standing(number=number, free_slots=5, is_silent=True)


MEDIA, VOICE, OTHER = Wish(kind="media"), Wish(kind="voice"), Wish()
MEDIA_OF_2 = Wish(kind="media", worker=2)
DIALED_BY_2 = Wish(kind="voice", worker=2)


@pytest.mark.parametrize(
    ("wish", "owner", "workers", "order"),
    [
        # A new call goes where most room is; so does whatever belongs to nobody.
        (MEDIA, None, [worker(1, 2), worker(2, 3)], [2, 1]),
        (VOICE, None, [worker(1, 2), worker(2, 3)], [2, 1]),
        (OTHER, None, [worker(1, 2), worker(2, 3)], [2, 1]),
        # Calls that are about to come have as good as come.
        (VOICE, None, [worker(1, 3), worker(2, 4, expected=2)], [1, 2]),
        # Of those with equal room, the one with fewer other connections; then the first.
        (OTHER, None, [worker(1, others=2), worker(2, others=1)], [2, 1]),
        (OTHER, None, [worker(2), worker(1)], [1, 2]),
        # A media stream goes where its call was prepared, if it would be taken there.
        (MEDIA_OF_2, None, [worker(1, 9), worker(2, 1, expected=1)], [2, 1]),
        (MEDIA_OF_2, None, [worker(1, 1), worker(2, 0)], [1, 2]),
        (MEDIA_OF_2, None, [worker(1, 1), refusing(2, "late")], [1, 2]),
        # What was promised is kept, also by a worker that takes nobody else;
        (MEDIA_OF_2, None, [worker(1, 1), refusing(2, "late", expected=1)], [2, 1]),
        (MEDIA_OF_2, None, [worker(1, 9), refusing(2, "full", 1, expected=1)], [2, 1]),
        (MEDIA_OF_2, None, [worker(1, 1), refusing(2, "full", 0, expected=1)], [1, 2]),
        # and it is kept for whom it was promised to.
        (MEDIA, None, [worker(1, 1), worker(2, 9, expected=9)], [1, 2]),
        (VOICE, None, [worker(1, 1), worker(2, 9, expected=9)], [1, 2]),
        (MEDIA_OF_2, None, [worker(1, 1), refusing(2, "draining")], [1, 2]),
        (MEDIA_OF_2, None, [worker(1, 1), silent(2)], [1, 2]),
        (MEDIA_OF_2, None, [worker(1, 1), worker(3, 2)], [3, 1]),
        # What concerns a call goes to its worker, which may be busy, but not stuck.
        (OTHER, 2, [worker(1, 9), worker(2, 1)], [2, 1]),
        (OTHER, 2, [worker(1, 9), worker(2, 0)], [2, 1]),
        (OTHER, 2, [worker(1, 9), refusing(2, "draining")], [2, 1]),
        (VOICE, 2, [worker(1, 9), refusing(2, "late")], [2, 1]),
        (OTHER, 2, [worker(1, 1), silent(2)], [1, 2]),
        (OTHER, 2, [worker(1, 1)], [1]),
        # Who placed the call knows it, unless it is known to be elsewhere.
        (DIALED_BY_2, None, [worker(1, 9), worker(2, 0)], [2, 1]),
        (DIALED_BY_2, 1, [worker(1, 0), worker(2, 9)], [1, 2]),
        # Nobody has room: the one with least calls refuses; those that end only after it.
        (MEDIA, None, [worker(1, -1), worker(2, 0)], [2, 1]),
        (MEDIA, None, [worker(1, 0), refusing(2, "late", 3)], [2, 1]),
        (MEDIA, None, [refusing(1, "draining"), refusing(2, "full", 0)], [2, 1]),
        (OTHER, None, [refusing(1, "draining"), worker(2, 0)], [2, 1]),
        # All are draining: then one of them says so.
        (MEDIA, None, [refusing(1, "draining", 1), refusing(2, "draining", 2)], [2, 1]),
        (OTHER, None, [silent(1), refusing(2, "draining", 0)], [2, 1]),
        (OTHER, None, [], []),
    ],
)
def test_the_worker_that_is_asked_first(
    wish: Wish, owner: int | None, workers: list[Standing], order: list[int]
) -> None:
    assert order_of(wish, owner, workers) == order


standings = st.builds(
    Standing,
    number=st.just(0),
    free_slots=st.integers(-1, 3),
    expected_calls=st.integers(0, 3),
    others=st.integers(0, 3),
    refusal=st.sampled_from(["", "late", "full", "draining"]),
    is_silent=st.booleans(),
)
wishes = st.builds(
    Wish,
    kind=st.sampled_from(["media", "voice", "other"]),
    worker=st.none() | st.integers(1, 5),
)


@given(wish=wishes, owner=st.none() | st.integers(1, 5), found=st.lists(standings, max_size=4))
def test_every_worker_is_asked_once_and_no_call_goes_where_it_is_refused_in_vain(
    wish: Wish, owner: int | None, found: list[Standing]
) -> None:
    workers = [attrs.evolve(one, number=number) for number, one in enumerate(found, 1)]
    order = order_of(wish, owner, workers)
    assert sorted(order) == [one.number for one in workers]
    by_number = {one.number: one for one in workers}
    if wish.kind == "media":
        own = wish.worker if owner is None else owner
        keeps_word = [one.number for one in workers if one.number == own and one.takes_its_own]
        assert order[: len(keeps_word)] == keeps_word
        takes = [by_number[number].takes_strangers for number in order[len(keeps_word) :]]
        assert takes == sorted(takes, reverse=True)
    silences = [by_number[number].is_silent for number in order]
    assert silences == sorted(silences)
    assert all(order == order_of(wish, owner, other) for other in itertools.permutations(workers))


async def head_of(
    target: str,
    body: str = "",
    *,
    method: str = "POST",
    content_type: str = FORM,
    more: str = "",
    length_bytes: int | None = None,
) -> RequestHead:
    ours, theirs = memory_stream_pair()
    length_bytes = len(body) if length_bytes is None else length_bytes
    head = (
        f"{method} {target} HTTP/1.1\r\nHost: h\r\nContent-Type: {content_type}\r\n"
        f"Content-Length: {length_bytes}\r\n{more}\r\n{body}"
    )
    await theirs.send_all(head.encode())
    found = await read_head(ours)
    assert found is not None
    return found


UPGRADE = (
    "Upgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)


@pytest.mark.parametrize(
    ("target", "wish"),
    [
        ("/twilio/media", Wish(kind="media")),
        ("/twilio/media/12", Wish(kind="media", worker=12)),
        ("/twilio/media/0012", Wish(kind="media", worker=12)),
        ("/twilio/media/x", Wish()),
        ("/twilio/media/12345", Wish()),
        ("/twilio/media/", Wish()),
        ("/twilio/media/1/2", Wish()),
        ("/elsewhere", Wish()),
    ],
)
async def test_a_websocket_names_its_worker_by_its_path(target: str, wish: Wish) -> None:
    assert read_wish(await head_of(target, method="GET", more=UPGRADE)) == wish


@pytest.mark.parametrize(
    ("target", "form", "wish"),
    [
        ("/twilio/voice", {"CallSid": "CA1"}, Wish(kind="voice", call_sid="CA1")),
        ("/twilio/status", {"A": "b", "CallSid": "CA1"}, Wish(call_sid="CA1")),
        ("/twilio/after?x=y", {"CallSid": "a b"}, Wish(call_sid="a b")),
        (
            "/twilio/voice?dial=3.Ab_-9",
            {"CallSid": "CA1"},
            Wish(kind="voice", worker=3, call_sid="CA1"),
        ),
        ("/twilio/machine?dial=Ab9", {"CallSid": "CA1"}, Wish(call_sid="CA1")),
        ("/twilio/machine?dial=12345.a", {"CallSid": "CA1"}, Wish(call_sid="CA1")),
        ("/twilio/voice", {"From": "+1"}, Wish(kind="voice")),
        ("/twilio/voice", {"CallSid": "C" * 65}, Wish(kind="voice")),
        ("/twilio/voice", {"CallSid": "C\n"}, Wish(kind="voice")),
        ("/twilio/elsewhere", {"CallSid": "CA1"}, Wish()),
        ("/api/calls/CA1/hang_up", {"a": "b"}, Wish(call_sid="CA1")),
        ("/api/calls/CA1", {"a": "b"}, Wish(call_sid="CA1")),
        ("/api/calls", {"a": "b"}, Wish()),
    ],
)
async def test_a_webhook_names_its_call_by_its_form(
    target: str, form: dict[str, str], wish: Wish
) -> None:
    assert read_wish(await head_of(target, urlencode(form))) == wish


async def test_a_form_of_too_many_fields_names_nothing() -> None:
    head = await head_of("/twilio/voice", "CallSid=CA1")
    flooded = attrs.evolve(head, body=b"CallSid=CA1" + b"&a=b" * 1_000)
    assert read_wish(flooded) == Wish(kind="voice")


@pytest.mark.parametrize("body", ["CallSid=CA1%ff", "CallSid=\u00e9", "%", "=", "&&"])
async def test_a_strange_form_is_read_as_well_as_it_can_be(body: str) -> None:
    assert read_wish(await head_of("/twilio/voice", body)).kind == "voice"


async def test_only_the_form_of_a_webhook_is_waited_for() -> None:
    assert wants_form(await head_of("/twilio/voice", length_bytes=BODY_MAX_BYTES))
    assert not wants_form(await head_of("/twilio/voice", length_bytes=BODY_MAX_BYTES + 1))
    assert not wants_form(await head_of("/twilio/voice", length_bytes=0))
    assert not wants_form(await head_of("/twilio/voice", length_bytes=9, method="GET"))
    assert not wants_form(await head_of("/twilio/voice", length_bytes=9, content_type="text/x"))
    assert not wants_form(await head_of("/metrics", length_bytes=9))
    assert not wants_form(
        await head_of("/twilio/voice", length_bytes=9, more="Expect: 100-continue\r\n")
    )


async def test_a_dial_id_names_the_worker_that_made_it() -> None:
    target = f"/twilio/voice?dial={dial_id_prefix(7)}abc"
    assert read_wish(await head_of(target, "CallSid=CA1")).worker == 7


def test_the_webhooks_are_those_that_the_server_answers() -> None:
    assert set(WEBHOOKS) == WEBHOOK_PATHS
