"""What must be true of every scene, whatever its script is.

The call itself is looked over by `tests.call.live`: the invariants of the decision core held at
every step, both legs were closed within a second, and no response was cancelled twice.  Here the
wires alone are looked at, by what the two ends know: no word of what the call thinks of itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .sightings import Sighting, payload_of

if TYPE_CHECKING:
    from .language import Scene

WRITE_MS: Final = 200  # the most audio that can be in the hands of the stream when it is hushed
TAIL_MS: Final = 150  # so much unheard counts as heard


def look_back(scene: Scene) -> None:
    """Check all that can be checked from outside."""
    if scene.call._model is None:
        return
    cancels_name_their_response(scene)
    nothing_is_heard_of_what_was_taken(scene)
    truncations_are_true(scene)
    all_that_was_not_heard_was_told(scene)


def cancels_name_their_response(scene: Scene) -> None:
    """A cancel names a response that the model has opened, once, and not after its end."""
    ends = _ends_ms(scene)
    for cancel in scene.told_when:
        if cancel.line.startswith("cancel"):
            response_id = cancel.message.get("response_id")
            assert response_id in _created(scene), f"cancel of what is not open: {cancel.message}"
            assert cancel.at_ms <= ends.get(str(response_id), cancel.at_ms), "cancelled when over"


def nothing_is_heard_of_what_was_taken(scene: Scene) -> None:
    """No audio of what the model was told to be over, but the write in progress, and a clear."""
    items, phone = _items(scene), scene.on_phone_when
    for order in scene.told_when:
        kind, _, name = order.line.partition(" ")
        taken = {name} if kind in ("truncate", "delete") else set()
        if kind == "cancel":
            taken = {item for item, response in items.items() if response == name}
        _assert_silent(phone, taken, order.at_ms)


def _assert_silent(seen: list[Sighting], taken: set[str], from_ms: int) -> None:
    late = [
        place
        for place, sighting in enumerate(seen)
        if sighting.at_ms > from_ms and sighting.line.removeprefix("media ") in taken
    ]
    if not late:
        return
    late_ms = sum(len(payload_of(seen[place].message)) // 8 for place in late)
    assert late_ms <= WRITE_MS, f"{late_ms} ms of {taken} after they were taken at {from_ms} ms"
    after = [sighting.line for sighting in seen[late[-1] + 1 :]]
    assert after[:1] == ["clear"], f"{taken} go on after they were taken at {from_ms} ms: {after}"


def truncations_are_true(scene: Scene) -> None:
    """A truncation tells whole milliseconds, never above what came, and what the caller heard."""
    heard, names = scene.heard, []
    for order in scene.told_when:
        kind, _, item_id = order.line.partition(" ")
        if item_id not in scene.numbers.received_ms or kind not in ("truncate", "delete"):
            continue
        names.append(item_id)
        told_ms = order.message["audio_end_ms"] if kind == "truncate" else 0
        heard_ms = heard.get(item_id, 0)
        assert type(told_ms) is int, f"{item_id} truncated at {told_ms!r}"
        assert 0 <= told_ms <= scene.numbers.received_ms[item_id], f"{item_id} at {told_ms} ms"
        story = f"{item_id}: {told_ms} ms told, {heard_ms} ms heard"
        assert heard_ms - scene.less_ms <= told_ms <= heard_ms + scene.more_ms, story
    assert len(names) == len(set(names)), f"told twice what was heard: {names}"


def all_that_was_not_heard_was_told(scene: Scene) -> None:
    """When nothing plays and nothing is open, the model knows of every item what was heard."""
    carrier = scene.call.carrier
    is_playing = carrier.is_playing()
    if is_playing or scene.call.ended.is_set() or scene.model.wire.closed.is_set():
        return
    told = {line.partition(" ")[2] for line in scene.told if line.startswith(("trunc", "delete"))}
    ends, heard, items = _ends_ms(scene), scene.heard, _items(scene)
    for item_id, received_ms in scene.numbers.received_ms.items():
        if item_id in told or items.get(item_id) not in ends:
            continue
        unheard_ms = received_ms - heard.get(item_id, 0)
        assert unheard_ms <= TAIL_MS + scene.more_ms, (
            f"{unheard_ms} ms of {item_id} unheard, and nobody was told"
        )


def _created(scene: Scene) -> set[str]:
    return {m["response"]["id"] for _, m in scene.model.wire.said if _is(m, "response.created")}


def _ends_ms(scene: Scene) -> dict[str, int]:
    said = scene.model.wire.said
    return {
        m["response"]["id"]: at_ms - scene.zero_ms for at_ms, m in said if _is(m, "response.done")
    }


def _items(scene: Scene) -> dict[str, str]:
    """Which response an item belongs to."""
    said = scene.model.wire.said
    named = [m for _, m in said if "response_id" in m and "item_id" in m]
    added = [m for _, m in said if _is(m, "response.output_item.added")]
    return {
        **{m["item"]["id"]: m["response_id"] for m in added},
        **{m["item_id"]: m["response_id"] for m in named},
    }


def _is(message: dict[str, object], kind: str) -> bool:
    return message["type"] == kind
