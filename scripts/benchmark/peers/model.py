"""A model that costs next to nothing: the OpenAI Realtime protocol without a thought.

It hears turns by the flags that the phones put into the audio (or by loudness, where a bridge
changed the audio), says so as server VAD does, answers each turn with seconds of sound at several
times real time, and can be cancelled and interrupted.

Rule 1: caller audio is counted and its latency noted as it comes; nothing is parsed that is not
needed for that.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
from array import array
from binascii import a2b_base64, b2a_base64
from typing import Any, Final

import commands
import picows
import stamps
import uvloop

SPEECH_FRAMES: Final = 6  # 120 ms of speech until it is called that
SILENCE_FRAMES: Final = 25  # 500 ms until the turn is over
DELTA_BYTES: Final = 1_600  # 200 ms
LOUD_PCM: Final = 600  # of 32,768: less than `stamps.is_loud`, for a filter makes onsets soft
FIRST_DELTA_S: Final = 0.05
PCM_FRAME_BYTES: Final = 960  # 20 ms at 24 kHz


def tone(seconds: float) -> bytes:
    """Return a tone as mu-law: for ears and level meters, it is speech."""
    samples = (
        int(9_000 * math.sin(math.tau * 300 * n / 8_000)) for n in range(int(8_000 * seconds))
    )
    return bytes(map(_mulaw, samples))


def _mulaw(sample: int) -> int:
    sign, level = (0x80, -sample) if sample < 0 else (0, sample)
    level = min(level, 32_635) + 0x84
    exponent = level.bit_length() - 8
    return ~(sign | exponent << 4 | level >> exponent + 3 & 0x0F) & 0xFF


class Options:
    """What all sessions share."""

    answer_s = 8.0
    speed = 4.0
    blanks: Final = stamps.Blank(tone(DELTA_BYTES / 8_000))
    pcm = ""


class Measured:
    """What was seen since the last reset."""

    def __init__(self) -> None:
        self.frames = 0
        self.unstamped_frames = 0
        self.audio_ms = 0.0
        self.out_of_order = 0
        self.missing = 0
        self.appends = 0
        self.deltas = 0
        self.creates = 0
        self.cancels = 0
        self.truncates = 0
        self.answers = 0
        self.frame_us = array("L")
        self.lateness_us = array("L")
        self.speech: list[tuple[int, int]] = []  # call, when speech_started was sent
        self.onsets: list[tuple[int, int]] = []  # call, when the first frame of speech came
        self.first_deltas: list[tuple[int, int]] = []  # call, when

    def plain(self) -> dict[str, Any]:
        kept = dict(vars(self))
        kept["frame_us"] = list(self.frame_us)
        kept["lateness_us"] = list(self.lateness_us)
        return kept


class Model(picows.WSListener):  # type: ignore[misc]
    """One model session."""

    sessions = 0
    live = 0
    measured = Measured()

    def on_ws_connected(self, transport: Any) -> None:
        Model.sessions += 1
        Model.live += 1
        self.transport = transport
        self.number = Model.sessions
        self.call = self.number
        self.is_pcm_in = self.is_pcm_out = False
        self.creates = self.interrupts = True
        self.transcribes = False
        self.carry = b""
        self.last_frame: int | None = None
        self.speech_run = self.silence_run = 0
        self.turn = 0
        self.in_turn = False
        self.events = 0
        self.answer = 0
        self.left = 0
        self.due = 0.0
        self.response: str | None = None
        self.metadata: Any = None
        self.timer: asyncio.TimerHandle | None = None
        self.say("session.created", session=self.session())

    def on_ws_disconnected(self, transport: Any) -> None:
        Model.live -= 1
        if self.timer is not None:
            self.timer.cancel()

    def session(self) -> dict[str, Any]:
        pcm, pcmu = {"type": "audio/pcm", "rate": 24_000}, {"type": "audio/pcmu"}
        return {
            "type": "realtime",
            "id": f"sess_{self.number}",
            "object": "realtime.session",
            "model": "gpt-realtime",
            "output_modalities": ["audio"],
            "instructions": "",
            "tools": [],
            "tool_choice": "auto",
            "audio": {
                "input": {
                    "format": pcm if self.is_pcm_in else pcmu,
                    "turn_detection": {
                        "type": "server_vad",
                        "threshold": 0.5,
                        "prefix_padding_ms": 300,
                        "silence_duration_ms": 500,
                        "create_response": self.creates,
                        "interrupt_response": self.interrupts,
                    },
                },
                "output": {"format": pcm if self.is_pcm_out else pcmu, "voice": "marin"},
            },
        }

    def say(self, kind: str, **fields: Any) -> None:
        self.events += 1
        event = {"type": kind, "event_id": f"event_{self.number}_{self.events}", **fields}
        self.transport.send(picows.WSMsgType.TEXT, json.dumps(event).encode())

    def on_ws_frame(self, transport: Any, frame: Any) -> None:
        if frame.msg_type == picows.WSMsgType.TEXT:
            message = frame.get_payload_as_bytes()
            if b"input_audio_buffer.append" in message[-60:] or b"_buffer.append" in message[:90]:
                self.hear(message)
            else:
                self.obey(json.loads(message))
        elif frame.msg_type == picows.WSMsgType.PING:
            transport.send_pong(frame.get_payload_as_bytes())
        elif frame.msg_type == picows.WSMsgType.CLOSE:
            transport.send_close(frame.get_close_code())
            transport.disconnect()

    def hear(self, message: bytes) -> None:
        Model.measured.appends += 1
        audio = a2b_base64(stamps.between(message, b'"audio":'))
        size = PCM_FRAME_BYTES if self.is_pcm_in else stamps.FRAME_BYTES
        Model.measured.audio_ms += len(audio) * 20 / size
        if self.carry:
            audio = self.carry + audio
        at = 0
        while len(audio) - at >= size:
            self.hear_frame(audio[at : at + size])
            at += size
        self.carry = audio[at:]

    def hear_frame(self, audio: bytes) -> None:
        measured = Model.measured
        measured.frames += 1
        stamp = None if self.is_pcm_in else stamps.read(audio)
        if stamp is None:
            measured.unstamped_frames += 1
            self.attend(self.is_loud(audio))
            return
        is_speech, at_us, number, self.call = stamp
        measured.frame_us.append(stamps.since_us(at_us))
        if self.last_frame is not None and number != (self.last_frame + 1) & 0xFFFF:
            ahead = (number - self.last_frame - 1) & 0xFFFF
            if ahead < 0x8000:
                measured.missing += ahead
            else:
                measured.out_of_order += 1
        self.last_frame = number
        self.attend(is_speech)

    def is_loud(self, audio: bytes) -> bool:
        if self.is_pcm_in:
            return max(array("h", audio)[::3]) > LOUD_PCM
        return stamps.is_loud(audio)

    def attend(self, is_speech: bool) -> None:
        if is_speech:
            self.speech_run += 1
            self.silence_run = 0
            if self.speech_run == 1 and not self.in_turn:
                Model.measured.onsets.append((self.call, stamps.now_us()))
            if self.speech_run == SPEECH_FRAMES and not self.in_turn:
                self.begin_turn()
        else:
            self.silence_run += 1
            if self.silence_run >= 10:
                self.speech_run = 0
            if self.in_turn and self.silence_run == SILENCE_FRAMES:
                self.end_turn()

    def begin_turn(self) -> None:
        self.in_turn = True
        self.turn += 1
        item = f"item_u{self.number}_{self.turn}"
        Model.measured.speech.append((self.call, stamps.now_us()))
        self.say("input_audio_buffer.speech_started", audio_start_ms=0, item_id=item)
        if self.interrupts and self.response is not None:
            self.finish("cancelled", {"type": "cancelled", "reason": "turn_detected"})

    def end_turn(self) -> None:
        self.in_turn = False
        item = f"item_u{self.number}_{self.turn}"
        self.say("input_audio_buffer.speech_stopped", audio_end_ms=0, item_id=item)
        self.say("input_audio_buffer.committed", item_id=item, previous_item_id=None)
        content = [{"type": "input_audio", "transcript": None}]
        user = {"id": item, "type": "message", "object": "realtime.item", "status": "completed"}
        user |= {"role": "user", "content": content}  # type: ignore[dict-item]
        for kind in ("conversation.item.added", "conversation.item.done"):
            self.say(kind, item=user, previous_item_id=None)
        if self.transcribes:
            self.say(
                "conversation.item.input_audio_transcription.completed",
                item_id=item,
                content_index=0,
                transcript="I would like to say something else.",
                usage={"type": "duration", "seconds": 1.0},
            )
        if self.creates and self.response is None:
            self.create(None)

    def obey(self, event: dict[str, Any]) -> None:
        match event["type"]:
            case "session.update":
                self.update(event["session"])
            case "response.create":
                Model.measured.creates += 1
                if self.response is not None:
                    self.refuse(event, "conversation_already_has_active_response")
                else:
                    self.create((event.get("response") or {}).get("metadata"))
            case "response.cancel":
                Model.measured.cancels += 1
                if self.response is None:
                    self.refuse(event, "response_cancel_not_active")
                else:
                    self.finish("cancelled", {"type": "cancelled", "reason": "client_cancelled"})
            case "conversation.item.truncate":
                Model.measured.truncates += 1
                fields = {key: event[key] for key in ("item_id", "content_index", "audio_end_ms")}
                self.say("conversation.item.truncated", **fields)
            case "conversation.item.delete":
                self.say("conversation.item.deleted", item_id=event["item_id"])

    def refuse(self, event: dict[str, Any], code: str) -> None:
        error = {"type": "invalid_request_error", "code": code, "message": code, "param": None}
        self.say("error", error={**error, "event_id": event.get("event_id")})

    def update(self, session: dict[str, Any]) -> None:
        audio = session.get("audio", {})
        heard, spoken = audio.get("input") or {}, audio.get("output") or {}
        if heard.get("format"):
            self.is_pcm_in = heard["format"]["type"] == "audio/pcm"
        if spoken.get("format"):
            self.is_pcm_out = spoken["format"]["type"] == "audio/pcm"
        if heard.get("transcription"):
            self.transcribes = True
        if turns := heard.get("turn_detection"):
            self.creates = turns.get("create_response") is not False
            self.interrupts = turns.get("interrupt_response") is not False
        self.say("session.updated", session=self.session())

    def create(self, metadata: Any) -> None:
        self.answer += 1
        Model.measured.answers += 1
        self.metadata = metadata
        self.response = response = f"resp_{self.number}_{self.answer}"
        item = self.item("in_progress", [])
        self.say("response.created", response=self.outcome("in_progress", None, []))
        self.say("response.output_item.added", response_id=response, output_index=0, item=item)
        self.say("conversation.item.added", item=item, previous_item_id=None)
        part = {"type": "audio", "transcript": ""}
        self.say("response.content_part.added", **self.place(), part=part)
        self.left = int(Options.answer_s * 8_000) // DELTA_BYTES
        loop = asyncio.get_running_loop()
        self.due = loop.time() + FIRST_DELTA_S
        self.timer = loop.call_at(self.due, self.speak)

    def place(self) -> dict[str, Any]:
        item = f"item_a{self.number}_{self.answer}"
        where = {"response_id": self.response, "item_id": item}
        return {**where, "output_index": 0, "content_index": 0}

    def item(self, status: str, content: list[Any]) -> dict[str, Any]:
        item = {"id": f"item_a{self.number}_{self.answer}", "object": "realtime.item"}
        item |= {"type": "message", "status": status, "role": "assistant"}
        return {**item, "content": content}

    def outcome(self, status: str, details: Any, output: list[Any]) -> dict[str, Any]:
        return {
            "object": "realtime.response",
            "id": self.response,
            "status": status,
            "status_details": details,
            "output": output,
            "conversation_id": f"conv_{self.number}",
            "output_modalities": ["audio"],
            "max_output_tokens": "inf",
            "metadata": self.metadata,
            "usage": None,
        }

    def speak(self) -> None:
        loop = asyncio.get_running_loop()
        Model.measured.lateness_us.append(max(0, int((loop.time() - self.due) * 1e6)))
        is_first = self.left == int(Options.answer_s * 8_000) // DELTA_BYTES
        Model.measured.deltas += 1
        self.events += 1
        if is_first:
            Model.measured.first_deltas.append((self.call, stamps.now_us()))
        sound = (
            Options.pcm
            if self.is_pcm_out
            else Options.blanks.stamped(is_first, self.answer, self.call)
        )
        self.transport.send(
            picows.WSMsgType.TEXT,
            (
                f'{{"type":"response.output_audio.delta","event_id":"event_{self.number}_'
                f'{self.events}","response_id":"{self.response}","item_id":"item_a{self.number}_'
                f'{self.answer}","output_index":0,"content_index":0,"delta":"{sound}"}}'
            ).encode(),
        )
        self.left -= 1
        if self.left <= 0:
            self.finish("completed", None)
            return
        self.due += DELTA_BYTES / 8_000 / Options.speed
        self.timer = loop.call_at(self.due, self.speak)

    def finish(self, status: str, details: Any) -> None:
        if self.timer is not None:
            self.timer.cancel()
        part = {"type": "output_audio", "transcript": "something was said"}
        state = "completed" if status == "completed" else "incomplete"
        item = self.item(state, [part])
        self.say("response.output_audio.done", **self.place())
        said = part["transcript"]
        self.say("response.output_audio_transcript.done", **self.place(), transcript=said)
        self.say("response.content_part.done", **self.place(), part={**part, "type": "audio"})
        self.say("conversation.item.done", item=item, previous_item_id=None)
        self.say("response.output_item.done", response_id=self.response, output_index=0, item=item)
        self.say("response.done", response=self.outcome(status, details, [item]))
        self.response = None


def reset() -> bool:
    Model.measured = Measured()
    return True


def report() -> dict[str, Any]:
    return {**Model.measured.plain(), "sessions": Model.sessions, "live": Model.live}


def renumber() -> bool:
    """Number sessions from 1 again: for bridges whose audio does not say which call it is of."""
    Model.sessions = 0
    return True


async def serve() -> None:
    server = await picows.ws_create_server(lambda request: Model(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    commands.tell({"port": port})
    await commands.obey({"reset": reset, "report": report, "renumber": renumber})


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--answer-s", type=float, default=Options.answer_s)
    parser.add_argument("--speed", type=float, default=Options.speed)
    arguments = parser.parse_args()
    Options.answer_s, Options.speed = arguments.answer_s, arguments.speed
    step = math.tau * 300 / 24_000
    samples = DELTA_BYTES * 3
    wave = array("h", (int(9_000 * math.sin(step * n)) for n in range(samples)))
    Options.pcm = b2a_base64(wave.tobytes(), newline=False).decode()
    uvloop.run(serve())


if __name__ == "__main__":
    main()
