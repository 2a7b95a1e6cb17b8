"""The language itself: what a scene checks without being told, and what a failure shows."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest

from tests.call.wires import Message

from .language import Scene, near, scenario, scene
from .looking_back import look_back
from .sightings import Numbers, in_runs, order_line

Forge = Callable[[Scene], None]


def told(s: Scene, kind: str, **fields: Any) -> None:
    """Forge a message to the model."""
    message: Message = {"type": kind, **fields}
    s.model.wire.came.append((s.call.carrier.now_ms(), message))


def later_media(s: Scene, item_id: str, length_ms: int) -> None:
    """Forge audio that reaches the carrier a little later than all else."""
    payload = base64.b64encode(s.numbers.audio(item_id, length_ms)).decode()
    message = {"event": "media", "media": {"payload": payload}}
    s.call.carrier.came.append((s.call.carrier.now_ms() + 20, message))


def truncated_above(s: Scene) -> None:
    told(s, "conversation.item.truncate", item_id="I1", audio_end_ms=5_001)


def truncated_in_fractions(s: Scene) -> None:
    told(s, "conversation.item.truncate", item_id="I1", audio_end_ms=1_000.5)


def truncated_too_far(s: Scene) -> None:
    told(s, "conversation.item.truncate", item_id="I1", audio_end_ms=1_100)


def truncated_too_little(s: Scene) -> None:
    told(s, "conversation.item.truncate", item_id="I1", audio_end_ms=900)


def deleted_though_heard(s: Scene) -> None:
    told(s, "conversation.item.delete", item_id="I1")


def cancelled_by_no_name(s: Scene) -> None:
    told(s, "response.cancel")


def cancelled_by_a_wrong_name(s: Scene) -> None:
    told(s, "response.cancel", response_id="R2")


def played_after_it_was_taken(s: Scene) -> None:
    told(s, "conversation.item.truncate", item_id="I1", audio_end_ms=1_000)
    later_media(s, "I1", 20)


def never_told(s: Scene) -> None:
    s.call.carrier._cut(s.call.carrier.began_s + (s.zero_ms + 1_000) / 1_000)
    s.model.wire.said.append(
        (s.call.carrier.now_ms(), {"type": "response.done", "response": {"id": "R1"}})
    )


FORGERIES: dict[Forge, str] = {
    truncated_above: "I1 at 5001 ms",
    truncated_in_fractions: "I1 truncated at 1000.5",
    truncated_too_far: "1100 ms told, 1000 ms heard",
    truncated_too_little: "900 ms told, 1000 ms heard",
    deleted_though_heard: "0 ms told, 1000 ms heard",
    cancelled_by_no_name: "cancel of what is not open",
    cancelled_by_a_wrong_name: "cancel of what is not open",
    played_after_it_was_taken: "after they were taken",
    never_told: "4000 ms of I1 unheard, and nobody was told",
}


@scenario
@pytest.mark.parametrize("forge", FORGERIES)
async def test_a_scene_notices_by_itself(forge: Forge) -> None:
    async with scene() as s:
        await s.app.says()
        await s.model.opens("R1", "I1", 5_000)
        await s.at(1_000)
        came, said = list(s.model.wire.came), list(s.model.wire.said)
        phone, played = list(s.call.carrier.came), list(s.call.carrier.played)
        forge(s)
        with pytest.raises(AssertionError, match=FORGERIES[forge]):
            look_back(s)
        s.model.wire.came, s.model.wire.said = came, said
        s.call.carrier.came, s.call.carrier.played = phone, played
        s.numbers.received_ms["I1"] = 5_000


def test_a_failure_shows_both_wires() -> None:
    @scenario
    async def fails() -> None:
        async with scene() as s:
            await s.app.says()
            await s.model.opens("R1", "I1", 1_000)
            await s.at(500)
            await s.app.interrupts()
            raise AssertionError("as expected")

    with pytest.raises(AssertionError, match="as expected") as failed:
        fails()
    [note] = failed.value.__notes__
    for line in ("0 ms  >caller media I1 0-200", "model> output_audio.delta R1 I1 0-1000"):
        assert line in note
    assert "500 ms        >model cancel R1" in note
    assert "500 ms  >caller clear" in note


def test_numbers_say_which_millisecond_of_which_item_is_heard() -> None:
    numbers = Numbers()
    first, second = numbers.audio("I1", 300), numbers.audio("I2", 200)
    more = numbers.audio("I1", 100)
    audio = first[800:1600] + more + b"\xff" * 160 + second + b"\x55" * 16
    assert numbers.spans(audio) == [("I1", 100, 200), ("I1", 300, 400), ("I2", 0, 200), ("?", 0, 2)]
    assert numbers.received_ms == {"I1": 400, "I2": 200}
    assert numbers.spans(b"") == []


def test_repetitions_are_told_once() -> None:
    assert in_runs(["a", "a", "b", "a"]) == ["a", "b", "a"]
    assert in_runs([]) == []
    assert order_line({"type": "input_audio_buffer.clear"}) == "input_audio_buffer.clear"
    assert near(100) == 140
    assert near(100) != 141
