"""A call without a network: the decision core between a scripted caller, model and carrier."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import attrs
import pytest

from trio_media.core import commands as cm
from trio_media.core import events as ev
from trio_media.core.machine import DecisionCore
from trio_media.core.policy import Policy
from trio_media.recording.log_format import LogHeader, LogLine, Note, encode_line

WIRE_MS = 40  # from us to the carrier or the model
PACE = 6  # how much faster than speech the model generates
CHUNK_MS = 200


@attrs.define
class Answer:
    """What the model says to a create: items of so many milliseconds, with their words."""

    items: list[tuple[int, str]]
    response_id: str = ""
    is_over: bool = False


@attrs.define
class ScriptedCall:
    """Runs events in order of time and keeps what the log would hold."""

    answers: list[Answer]
    policy: Policy = attrs.field(factory=Policy)
    lines: list[LogLine] = attrs.field(factory=list)
    core: DecisionCore = attrs.field(init=False)
    _queue: list[tuple[int, int, Callable[[int], None]]] = attrs.field(factory=list)
    _order: itertools.count[int] = attrs.field(factory=itertools.count)
    _open: dict[str, Answer] = attrs.field(factory=dict)
    _plays_until_ms: int = 0
    _marks: list[tuple[int, int]] = attrs.field(factory=list)

    def __attrs_post_init__(self) -> None:
        self.core = DecisionCore(self.policy)

    @property
    def header(self) -> LogHeader:
        return LogHeader(
            call_sid="CA0123456789",
            stream_sid="MZ0123456789",
            started_at="2026-03-01T09:30:00+00:00",
            policy=self.policy,
            parameters={"campaign": "spring"},
        )

    # --- the script ---------------------------------------------------------------------------

    def at(self, t_ms: int, *events: ev.Event) -> None:
        for event in events:
            self._later(t_ms, partial(self._handle, event))

    def note(self, t_ms: int, kind: str, **fields: object) -> None:
        self._later(t_ms, lambda now_ms: self.lines.append(LogLine(now_ms, Note(kind, fields))))

    def caller_speaks(
        self, item_id: str, begins_ms: int, ends_ms: int, text: str, *, verdict: str = "words"
    ) -> None:
        """Speech that both ears hear, with the turn that it becomes."""
        self.at(begins_ms, ev.LocalSpeechBegan())
        self.at(begins_ms + 180, ev.ServerSpeechStarted(item_id))
        if ends_ms - begins_ms > 320:
            self.at(begins_ms + 320, ev.LocalSpeechConfirmed())
        self.at(ends_ms, ev.LocalSpeechEnded())
        self.at(ends_ms + 500, ev.ServerSpeechStopped(item_id))
        self.at(ends_ms + 520, ev.TurnCommitted(item_id))
        self.note(ends_ms + 800, "caller_text", item_id=item_id, text=text)
        self.at(ends_ms + 800, ev.TurnTranscribed(item_id, ev.Verdict(verdict)))

    def run(self, until_ms: int) -> None:
        while True:
            deadline_ms = self.core.next_deadline()
            next_ms = self._queue[0][0] if self._queue else until_ms + 1
            now_ms = min(next_ms, until_ms + 1 if deadline_ms is None else deadline_ms)
            if now_ms > until_ms:
                return
            if now_ms < next_ms:
                self._handle(ev.TimePassed(), now_ms)
            else:
                heapq.heappop(self._queue)[2](now_ms)

    def write(self, path: Path) -> Path:
        log = [encode_line(self.header, 0)]
        log += [encode_line(line.record, line.t_ms) for line in self.lines]
        path.write_bytes(b"".join(log))
        return path

    # --- the world ----------------------------------------------------------------------------

    def _later(self, t_ms: int, act: Callable[[int], None]) -> None:
        heapq.heappush(self._queue, (t_ms, next(self._order), act))

    def _handle(self, event: ev.Event, now_ms: int) -> None:
        self.lines.append(LogLine(now_ms, event))
        commands = self.core.handle(event, now_ms)
        self.lines += [LogLine(now_ms, command) for command in commands]
        self._obey(commands, now_ms)

    def _obey(self, commands: Sequence[cm.Command], now_ms: int) -> None:
        for command in commands:
            match command:
                case cm.PlayAudio(seq=seq, length_ms=length_ms):
                    self._plays_until_ms = max(self._plays_until_ms, now_ms + 2) + length_ms
                    self.at(now_ms + 2, ev.CarrierWrote(seq, now_ms + 2))
                case cm.SendMark(epoch=epoch, number=number):
                    self._marks.append((epoch, number))
                    echo_ms = self._plays_until_ms + WIRE_MS
                    self._later(echo_ms, partial(self._echo, (epoch, number)))
                case cm.ClearCarrier():
                    self._plays_until_ms = now_ms
                    for mark in list(self._marks):
                        self._later(now_ms + WIRE_MS, partial(self._echo, mark))
                case cm.CreateResponse(token=token):
                    self._create(token, now_ms)
                case cm.CancelResponse(response_id=response_id):
                    over = partial(self._over, response_id, ev.Ended.CANCELLED)
                    self._later(now_ms + 2 * WIRE_MS, over)
                case _:
                    pass

    def _echo(self, mark: tuple[int, int], now_ms: int) -> None:
        if mark in self._marks:
            self._marks.remove(mark)
            self._handle(ev.MarkEchoed(*mark), now_ms)

    def _create(self, token: int, now_ms: int) -> None:
        answer = self.answers.pop(0)
        answer.response_id = f"resp_{token}"
        self._open[answer.response_id] = answer
        t_ms = now_ms + 2 * WIRE_MS
        self.at(t_ms, ev.ResponseCreated(answer.response_id, token))
        t_ms += 220
        for number, (length_ms, text) in enumerate(answer.items, start=1):
            item_id = f"item_{token}_{number}"
            self._emit(answer, t_ms, ev.ItemAdded(answer.response_id, item_id, is_speech=True))
            for sent_ms in range(0, length_ms, CHUNK_MS):
                chunk_ms = min(CHUNK_MS, length_ms - sent_ms)
                t_ms += chunk_ms // PACE
                self._emit(answer, t_ms, ev.AudioReceived(answer.response_id, item_id, chunk_ms))
            self.note(t_ms, "model_text", item_id=item_id, text=text)
            self._emit(answer, t_ms, ev.ItemAudioDone(answer.response_id, item_id))
        self._later(t_ms + 10, partial(self._over, answer.response_id, ev.Ended.COMPLETED))

    def _emit(self, answer: Answer, t_ms: int, event: ev.Event) -> None:
        def act(now_ms: int) -> None:
            if not answer.is_over:
                self._handle(event, now_ms)

        self._later(t_ms, act)

    def _over(self, response_id: str, ended: ev.Ended, now_ms: int) -> None:
        answer = self._open[response_id]
        if not answer.is_over:
            answer.is_over = True
            self._handle(ev.ResponseOver(response_id, ended), now_ms)


def lively_call() -> ScriptedCall:
    """A greeting, a real interruption, a cough, an interruption after generation, a hang-up."""
    call = ScriptedCall(
        [
            Answer([(3_400, "Hello, this is the Trio hotel. How may I help?")]),
            Answer([(16_000, "Of course. We have a quiet double room with breakfast for ninety.")]),
            Answer([(2_600, "Certainly, with a view."), (5_200, "It is on the fifth floor.")]),
            Answer([(4_400, "Wonderful. Please key in the number of the room.")]),
            Answer([(2_400, "Room forty-two is yours. Thank you for calling.")]),
        ]
    )
    call.at(0, ev.SessionReady(server_acts=False))
    call.note(0, "carrier_connected", peer="twilio")
    call.at(20, ev.SpeechRequested(1, ev.Say.GREETING))
    # A cough over the greeting.
    call.at(1_900, ev.LocalSpeechBegan())
    call.at(1_990, ev.LocalSpeechEnded())
    call.caller_speaks("turn_1", 4_600, 6_100, "I need a room for Friday night, please.")
    # In mid-sentence, while the model is still generating.
    call.caller_speaks("turn_2", 8_700, 10_300, "Is there one with a view of the sea?")
    # Long after generation is over.
    call.caller_speaks("turn_3", 15_600, 16_600, "I will take it.")
    call.at(21_000, ev.KeyPressed("4"))
    call.at(21_300, ev.KeyPressed("2"))
    call.at(24_600, ev.HangUpRequested())
    call.at(24_650, ev.CallEnded())
    call.run(25_000)
    return call


@pytest.fixture
def lively() -> ScriptedCall:
    return lively_call()


@pytest.fixture
def lively_log(lively: ScriptedCall, tmp_path: Path) -> Path:
    return lively.write(tmp_path / "CA0123456789.jsonl")
