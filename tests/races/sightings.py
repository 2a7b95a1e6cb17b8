"""What passed on the two wires of a call, in few words: for expectations and for a reader."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from itertools import pairwise
from typing import Final

import attrs
import numpy as np

from tests.call.wires import Carrier, Message, Model, speech

ITEM_SPAN_MS: Final = 1_000_000  # no item is that long, so a number says whose millisecond it is
PADDING: Final = 0xFFFFFFFF  # of the last frame
CALLER_AUDIO: Final = "media"


@attrs.define
class Numbers:
    """Gives the audio of every item numbers of its own."""

    items: list[str] = attrs.field(factory=list)
    received_ms: dict[str, int] = attrs.field(factory=dict)
    """How much of each item the model has sent."""

    def audio(self, item_id: str, length_ms: int) -> bytes:
        """The next audio of an item."""
        if item_id not in self.items:
            self.items.append(item_id)
        start_ms = self.received_ms.get(item_id, 0)
        self.received_ms[item_id] = start_ms + length_ms
        base_ms = (self.items.index(item_id) + 1) * ITEM_SPAN_MS
        return speech(length_ms, start_ms=base_ms + start_ms)

    def spans(self, audio: bytes) -> list[tuple[str, int, int]]:
        """Which milliseconds of which items some audio is: item, from, to; ``?`` has no numbers."""
        numbers = np.frombuffer(audio[: len(audio) - len(audio) % 8], dtype=">u4")
        first, second = numbers[::2].astype(np.int64), numbers[1::2]
        numbers = first[(first != PADDING) | (second != PADDING)]
        if not numbers.size:
            return []
        breaks = np.flatnonzero(np.diff(numbers) != 1) + 1
        starts, ends = [0, *breaks], [*breaks, numbers.size]
        return self._named(
            [(int(numbers[i]), int(j - i)) for i, j in zip(starts, ends, strict=True)]
        )

    def _named(self, runs: list[tuple[int, int]]) -> list[tuple[str, int, int]]:
        spans: list[tuple[str, int, int]] = []
        for number, length_ms in runs:
            place, start_ms = divmod(number, ITEM_SPAN_MS)
            if 1 <= place <= len(self.items):
                spans.append((self.items[place - 1], start_ms, start_ms + length_ms))
            elif spans and spans[-1][0] == "?":
                spans[-1] = ("?", 0, spans[-1][2] + length_ms)
            else:
                spans.append(("?", 0, length_ms))
        return spans


@attrs.frozen
class Sighting:
    """One message on a wire."""

    at_ms: int
    line: str
    """``cancel R1``, ``media I1``, ``clear``."""
    message: Message


def payload_of(message: Message) -> bytes:
    """The audio of a carrier's media message."""
    return base64.b64decode(message["media"]["payload"])


def told(model: Model) -> list[Sighting]:
    """What the model was told, without the caller's audio and the session that was asked for."""
    seen = [Sighting(at_ms, order_line(m), m) for at_ms, m in model.came]
    seen = [sighting for sighting in seen if sighting.line]
    assert not seen or seen[0].message["type"] == "session.update", "no session was asked for first"
    return seen[1:]


def order_line(message: Message) -> str:
    """One message to the model in few words; empty for the caller's audio."""
    match message:
        case {"type": "input_audio_buffer.append"}:
            return ""
        case {"type": "response.create"}:
            return "create"
        case {"type": "response.cancel"}:
            return f"cancel {message.get('response_id')}"
        case {"type": "conversation.item.truncate", "item_id": item_id}:
            return f"truncate {item_id}"
        case {"type": "conversation.item.delete", "item_id": item_id}:
            return f"delete {item_id}"
        case {"type": "conversation.item.create", "item": {"call_id": call_id}}:
            return f"output {call_id}"
        case {"type": "conversation.item.create", "item": item}:
            return f"text {item['content'][0]['text']}"
        case {"type": "session.update", "session": session}:
            return f"flags {'on' if _server_acts(session) else 'off'}"
    return str(message["type"])


def _server_acts(session: Message) -> bool:
    turn_detection = session["audio"]["input"]["turn_detection"]
    return bool(turn_detection["create_response"])


def on_phone(carrier: Carrier, numbers: Numbers) -> list[Sighting]:
    """What the carrier got, one sighting a span of one item's audio; no marks."""
    seen: list[Sighting] = []
    for at_ms, message in carrier.came:
        if message["event"] == "media":
            spans = numbers.spans(payload_of(message))
            seen.extend(Sighting(at_ms, f"media {item_id}", message) for item_id, _, _ in spans)
        elif message["event"] != "mark":
            seen.append(Sighting(at_ms, message["event"], message))
    return seen


def in_runs(lines: list[str]) -> list[str]:
    """Lines without the repetitions that follow each other."""
    return lines[:1] + [line for before, line in pairwise(lines) if line != before]


# --- for a reader -----------------------------------------------------------------------------


def time_line(carrier: Carrier | None, model: Model | None, numbers: Numbers, zero_ms: int) -> str:
    """Both wires beside each other: what each side said, when."""
    sides: list[tuple[str, list[tuple[int, str]]]] = []
    if carrier is not None:
        sides.append(("caller> ", _shortly(carrier.said, _carrier_said(numbers))))
    if model is not None:
        sides.append(("      model> ", _shortly(model.said, _model_said(numbers))))
        sides.append(("      >model ", _shortly(model.came, order_line)))
    if carrier is not None:
        sides.append((">caller ", _shortly(carrier.came, _carrier_said(numbers))))
    rows = [(at_ms, f"{head}{line}") for head, said in sides for at_ms, line in said]
    rows.sort(key=lambda row: row[0])
    return "\n".join(f"{at_ms - zero_ms:>7} ms  {line}" for at_ms, line in rows)


Line = Callable[[Message], str]
_SPAN = re.compile(r"(.*) (\d+)-(\d+)")


def _shortly(messages: list[tuple[int, Message]], line_of: Line) -> list[tuple[int, str]]:
    """Lines: spans are joined; what is said again at once is counted, and the caller's audio."""
    lines: list[tuple[int, str, int]] = []
    for at_ms, message in messages:
        line = line_of(message)
        if not line:
            continue
        since_ms, last, count = lines[-1] if lines else (at_ms, "", 0)
        joined = _joined(last, line) if since_ms == at_ms else None
        if joined is not None:
            lines[-1] = (since_ms, joined, 1)
        elif line == last and (at_ms == since_ms or line == CALLER_AUDIO):
            lines[-1] = (since_ms, line, count + 1)
        else:
            lines.append((at_ms, line, 1))
    return [(at, line if n == 1 else f"{line} ({n} times)") for at, line, n in lines]


def _joined(first: str, second: str) -> str | None:
    """Two lines that tell of spans that follow each other, as one."""
    a, b = _SPAN.fullmatch(first), _SPAN.fullmatch(second)
    if a and b and (a[1], a[3]) == (b[1], b[2]):
        return f"{a[1]} {a[2]}-{b[3]}"
    return None


def _carrier_said(numbers: Numbers) -> Line:
    def line(message: Message) -> str:
        event = str(message["event"])
        if event == "media":
            spans = numbers.spans(payload_of(message)) if "track" not in message["media"] else []
            return " ".join([event, *(f"{item} {start}-{end}" for item, start, end in spans)])
        if event in ("mark", "dtmf"):
            return f"{event} {message[event].get('name') or message[event].get('digit')}"
        return event

    return line


def _model_said(numbers: Numbers) -> Line:
    def line(message: Message) -> str:
        words = [str(message["type"]).removeprefix("response.")]
        response = message.get("response", {})
        words += [str(message[key]) for key in ("response_id", "item_id") if key in message]
        words += [str(response[key]) for key in ("id", "status") if key in response]
        words += [str(message["error"]["code"])] if "error" in message else []
        if message["type"] == "response.output_audio.delta":
            spans = numbers.spans(base64.b64decode(message["delta"]))
            words += [f"{start}-{end}" for _, start, end in spans]
        return " ".join(words)

    return line
