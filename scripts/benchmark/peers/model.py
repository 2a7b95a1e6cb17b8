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
from binascii import a2b_base64, b2a_base64
from typing import Any, Final

import commands
import picows
import stamps
import uvloop
from ear import Ear, Turn
from sounds import mulaw_tone, pcm_tone
from tally import Tally

DELTA_S: Final = 0.2  # of audio in one delta
VAD: Final = {"type": "server_vad", "threshold": 0.5, "silence_duration_ms": 500}
FIRST_DELTA_S: Final = 0.05


class Options:
    """What all sessions share."""

    answer_s = 8.0
    speed = 4.0
    blank: Final = stamps.Blank(mulaw_tone(DELTA_S))
    pcm: Final = b2a_base64(pcm_tone(DELTA_S), newline=False).decode()

    @classmethod
    def deltas(cls) -> int:
        """Return how many deltas an answer has."""
        return round(cls.answer_s / DELTA_S)


class Model(picows.WSListener):  # type: ignore[misc]
    """One model session."""

    sessions = 0
    live = 0
    tally = Tally()

    def on_ws_connected(self, transport: Any) -> None:
        Model.sessions += 1
        Model.live += 1
        self.transport = transport
        self.number = Model.sessions
        self.is_pcm_out = False
        self.ear = Ear(self.number, Model.tally)
        self.creates, self.interrupts, self.transcribes = True, True, False
        self.turn = self.events = self.answer = self.left = 0
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
                    "format": pcm if self.ear.is_pcm else pcmu,
                    "turn_detection": {**VAD, "create_response": self.creates}
                    | {"interrupt_response": self.interrupts},
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
        Model.tally.appends += 1
        for turn in self.ear.hear(a2b_base64(stamps.between(message, b'"audio":'))):
            if turn is Turn.BEGAN:
                self.begin_turn()
            else:
                self.end_turn()

    def begin_turn(self) -> None:
        self.turn += 1
        item = f"item_u{self.number}_{self.turn}"
        Model.tally.speech.append((self.ear.call, stamps.now_us()))
        self.say("input_audio_buffer.speech_started", audio_start_ms=0, item_id=item)
        if self.interrupts and self.response is not None:
            self.finish("cancelled", {"type": "cancelled", "reason": "turn_detected"})

    def end_turn(self) -> None:
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
                Model.tally.creates += 1
                if self.response is not None:
                    self.refuse(event, "conversation_already_has_active_response")
                else:
                    self.create((event.get("response") or {}).get("metadata"))
            case "response.cancel":
                Model.tally.cancels += 1
                if self.response is None:
                    self.refuse(event, "response_cancel_not_active")
                else:
                    self.finish("cancelled", {"type": "cancelled", "reason": "client_cancelled"})
            case "conversation.item.truncate":
                Model.tally.truncates += 1
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
            self.ear.is_pcm = heard["format"]["type"] == "audio/pcm"
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
        Model.tally.answers += 1
        self.metadata = metadata
        self.response = response = f"resp_{self.number}_{self.answer}"
        item = self.item("in_progress", [])
        self.say("response.created", response=self.outcome("in_progress", None, []))
        self.say("response.output_item.added", response_id=response, output_index=0, item=item)
        self.say("conversation.item.added", item=item, previous_item_id=None)
        part = {"type": "audio", "transcript": ""}
        self.say("response.content_part.added", **self.place(), part=part)
        self.left = Options.deltas()
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
        Model.tally.lateness_us.append(max(0, int((loop.time() - self.due) * 1e6)))
        is_first = self.left == Options.deltas()
        Model.tally.deltas += 1
        self.events += 1
        if is_first:
            Model.tally.first_deltas.append((self.ear.call, stamps.now_us()))
        sound = (
            Options.pcm
            if self.is_pcm_out
            else Options.blank.stamped(is_first, self.answer, self.ear.call)
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
        self.due += DELTA_S / Options.speed
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


def report() -> dict[str, Any]:
    return {**Model.tally.plain(), "sessions": Model.sessions, "live": Model.live}


def renumber() -> bool:
    """Number sessions from 1 again: for bridges whose audio does not say which call it is of."""
    Model.sessions = 0
    return True


async def serve() -> None:
    server = await picows.ws_create_server(lambda request: Model(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    commands.tell({"port": port})
    await commands.obey({"reset": Model.tally.reset, "report": report, "renumber": renumber})


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--answer-s", type=float, default=Options.answer_s)
    parser.add_argument("--speed", type=float, default=Options.speed)
    arguments = parser.parse_args()
    Options.answer_s, Options.speed = arguments.answer_s, arguments.speed
    uvloop.run(serve())


if __name__ == "__main__":
    main()
