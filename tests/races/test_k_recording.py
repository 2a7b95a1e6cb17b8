"""Part 1 K: what is written down of a call, and in which order."""

from __future__ import annotations

from typing import Any

from tests.call.live import Notebook
from trio_media.core import commands as cm
from trio_media.core.policy import Policy
from trio_media.recording.log_format import LogHeader
from trio_media.recording.summary import SummaryBuilder

from .language import race, scene


class Writer(Notebook):
    """An observer that writes the summary of a call, beside everything else."""

    def __init__(self) -> None:
        super().__init__()
        header = LogHeader(call_sid="CA1", stream_sid="MZ1", started_at="", policy=Policy())
        self.summary = SummaryBuilder(header)

    def event(self, event: Any, t_ms: int) -> None:
        super().event(event, t_ms)
        self.summary.event(event, t_ms)

    def commands(self, commands: Any, t_ms: int) -> None:
        super().commands(commands, t_ms)
        self.summary.commands(commands, t_ms)

    def note(self, kind: str, t_ms: int, **fields: Any) -> None:
        super().note(kind, t_ms, **fields)
        self.summary.note(kind, t_ms, **fields)


@race("K167", "K166")
async def test_what_is_kept_of_the_model_is_what_was_heard_and_when() -> None:
    """A noise, a silence of seconds, an interruption, and an answer that nobody heard."""
    async with scene() as s:
        await s.app.says()
        await s.model.says("R1", "I1", 1_500)
        await s.at(700)
        await s.caller.speaks(60)
        await s.at(7_000)
        await s.app.says("Something else.")
        await s.model.opens("R2", "I2", 3_000)
        await s.at(7_800)
        await s.app.interrupts()
        await s.app.says("And more.")
        await s.model.created("R3")
        await s.app.interrupts()
        await s.model.audio("R3", "I3", 500)
        await s.at(9_000)
        kept = s.call.notebook.heard
        assert b"".join(payload for _, payload in kept) == s.call.carrier.heard()
        ends_ms = 0
        for at_ms, payload in kept:
            assert at_ms >= ends_ms - 20, "two pieces at the same time"
            ends_ms = at_ms + len(payload) // 8
        began_ms = [at_ms for at_ms, payload in kept]
        assert 6_980 <= next(at_ms for at_ms in began_ms if at_ms > 3_000) - s.zero_ms <= 7_100


@race("K168")
async def test_a_turn_stands_where_it_began_however_late_its_words_come() -> None:
    """The words of two turns come in the wrong order, behind the answer that both caused."""
    writer = Writer()
    async with scene(observers=lambda *_: [writer]) as s:
        await s.model.hears_start("T1")
        await s.at(400)
        await s.model.hears_stop("T1")
        await s.model.commits("T1")
        await s.model.hears_start("T2")
        await s.at(900)
        await s.model.hears_stop("T2")
        await s.model.commits("T2")
        await s.model.says("R1", "I1", 300)
        await s.model.transcribes("T2", "I mean, on Friday?")
        await s.model.transcribes("T1", "Are you open on Thursday?")
        await s.at(3_000)
        turns = writer.summary.build()["turns"]
        assert [(turn["item_id"], turn["transcript"]) for turn in turns] == [
            ("T1", "Are you open on Thursday?"),
            ("T2", "I mean, on Friday?"),
        ]
        assert turns[0]["opened_ms"] < turns[1]["opened_ms"]
        assert not writer.noted("broken_invariant")


@race("K170")
async def test_an_answer_that_was_cancelled_is_no_history() -> None:
    """The next session is told what was heard of it; of one that nobody heard it is told nothing,
    and a noise that was no turn is not the caller's."""
    async with scene() as s:
        await s.app.says()
        await s.model.opens("R1", "I1", 3_000)
        words = "response.output_audio_transcript.delta"
        text = "one two three four five six seven eight nine ten"
        await s.model.event(words, response_id="R1", item_id="I1", delta=text)
        await s.at(1_000)
        await s.app.interrupts()
        await s.app.says("And more.")
        await s.model.created("R2")
        await s.app.interrupts()
        await s.model.item("R2", "I2")
        await s.model.event(words, response_id="R2", item_id="I2", delta="Never heard.")
        await s.app.says("Something else.")
        await s.model.opens("R3", "I3", 2_000)
        await s.model.hears("T1", "mhm")
        await s.after(3_500)
        await s.model.leaves()
        await s.call.next_model()
        await s.settle()
        assert s.told[0] == "text one two three"
        assert not [line for line in s.told if "Never" in line or "mhm" in line]


@race("K168")
async def test_the_next_session_is_told_the_turns_in_their_order_not_that_of_their_words() -> None:
    async with scene() as s:
        await s.model.hears("T1")
        await s.model.hears("T2")
        await s.model.says("R1", "I1", 300)
        await s.model.transcript_done("R1", "I1")
        await s.model.transcribes("T2", "I mean, on Friday?")
        await s.model.transcribes("T1", "Are you open on Thursday?")
        await s.after(2_000)
        await s.model.leaves()
        await s.call.next_model()
        await s.settle()
        assert s.told == [
            "text Are you open on Thursday?",
            "text I mean, on Friday?",
            "text Goodbye.",
        ]


@race("K172")
async def test_a_tail_of_less_than_a_frame_is_heard() -> None:
    async with scene() as s:
        for number, length_ms in enumerate([1, 19, 20, 21, 999], start=1):
            await s.app.says()
            await s.model.says(f"R{number}", f"I{number}", length_ms)
            await s.after(2_000)
        assert list(s.heard.values()) == [1, 19, 20, 21, 999]


@race("K173")
async def test_events_that_come_twice_are_one_event() -> None:
    async with scene() as s:
        await s.app.says()
        await s.model.opens("R1", "I1", 3_000)
        await s.at(500)
        for _ in range(2):
            await s.model.hears_start("T1")
        await s.caller.speaks(500)
        for _ in range(2):
            await s.model.hears_stop("T1")
        for _ in range(2):
            await s.model.commits("T1")
            await s.model.transcribes("T1", "Something else.")
        await s.model.says("R2", "I2", 300)
        await s.model.commits("T1")
        await s.at(6_000)
        fates = [c.fate for c in s.call.notebook.orders if isinstance(c, cm.TurnDecided)]
        assert fates == ["answered"]
        assert s.told == ["create", "cancel R1", "truncate I1", "create"]
