"""The observer of the wires finds what it is there to find: the system is broken on purpose."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pytest
import trio

from trio_media.call import (
    caller_sound,
    carry_out,
    control,
    conversation,
    hold,
    marks,
    outboxes,
    translate,
    watch,
)
from trio_media.core import (
    answering,
    away,
    commands,
    creates,
    digits,
    floor,
    idling,
    keying,
    leaving,
    sending,
    speaking,
    state,
    tooling,
)
from trio_media.simulation.calls import broken_in
from trio_media.simulation.calls import scenario as sc
from trio_media.simulation.calls.play import play
from trio_media.simulation.calls.record import MODEL
from trio_media.simulation.calls.rules import judge_call

SPEAKS_OVER = sc.SpeaksOver(heard_ms=900, length_ms=1_200)
INTERRUPTED = sc.Scenario(
    length_ms=16_000,
    websockets=False,
    caller=(SPEAKS_OVER, sc.Coughs(7_000, 100)),
    answers=(sc.Answer(items_ms=(5_000,)), sc.Answer(items_ms=(3_000, 6_000))),
)
GENERATING = sc.Scenario(
    length_ms=12_000,
    websockets=False,
    caller=(SPEAKS_OVER,),
    answers=(sc.Answer(items_ms=(9_000,), pace=1, cancelled=sc.Cancelled.STRAGGLES),),
)
TOOLS = sc.Scenario(
    length_ms=10_000,
    websockets=False,
    answers=(sc.Answer(items_ms=(1_000,), tools=(sc.CallsTool(), sc.CallsTool())),),
)
COUGH = sc.Scenario(
    length_ms=10_000,
    websockets=False,
    caller=(sc.Coughs(2_000, 100),),
    answers=(sc.Answer(items_ms=(6_000,)),),
)
APPLICATION = sc.Scenario(
    length_ms=9_000, websockets=False, application=(sc.Interrupts(1_500), sc.Says(2_000))
)
SLOW_CARRIER = sc.Scenario(
    length_ms=9_000,
    websockets=False,
    settings=sc.Settings(backchannel_ms=0),
    caller=(sc.Speaks(2_000, 1_000),),
    answers=(sc.Answer(items_ms=(6_000,), pace=0),),
)

ASKED = sc.Scenario(
    length_ms=14_000,
    websockets=False,
    settings=sc.Settings(greeting=False),
    caller=(sc.SpeaksOver(heard_ms=900, length_ms=1_200),),
    application=(sc.Says(1_000), sc.Plays(9_000, 1_500)),
)
CUT = attrs.evolve(ASKED, application=(sc.Says(1_000),))
KEYS = sc.Scenario(
    length_ms=14_000,
    websockets=False,
    settings=sc.Settings(greeting=False),
    caller=(sc.Presses(2_000, "1"), sc.Presses(2_300, "2"), sc.Presses(6_000, "3")),
    application=(sc.Collects(1_000, count=2),),
)
ENDING = sc.Scenario(
    length_ms=40_000,
    websockets=False,
    account=sc.Carrier.OBEYS,
    answers=(sc.Answer(items_ms=(5_000,), pace=1),),
    application=(sc.EndsWhenHeard(1_000, has_words=True),),
)
LEAVING = attrs.evolve(
    ENDING,
    account=sc.Carrier.SILENT,
    caller=(sc.Speaks(5_000, 1_500),),
    application=(sc.EndsWhenHeard(3_000, leaves=True),),
    answers=(sc.Answer(items_ms=(800,)),),
)
SILENCE = sc.Scenario(
    length_ms=30_000, websockets=False, settings=sc.Settings(silence_ms=4_000, silence_asks=2)
)
SLOW_TOOL = sc.Scenario(
    length_ms=16_000,
    websockets=False,
    settings=sc.Settings(greeting=False),
    agent=sc.Marks(takes_ms=4_000, filler_after_ms=1_000),
    caller=(sc.Speaks(500, 1_200),),
    answers=(sc.Answer(items_ms=(500,), tools=(sc.CallsTool(),)),),
)

WORDS = "one two three four five six seven eight nine ten eleven twelve"
AWAY = sc.Scenario(
    length_ms=16_000,
    websockets=False,
    caller=(sc.SpeaksOver(heard_ms=1_500, length_ms=900), sc.Speaks(9_200, 1_500)),
    answers=(
        sc.Answer(items_ms=(6_000,), texts=(f"1: {WORDS}",)),
        sc.Answer(items_ms=(3_000,), texts=(f"2: {WORDS}",)),
        sc.Answer(items_ms=(2_000,), texts=(f"3: {WORDS}",)),
    ),
    faults=(sc.Fault(9_000, MODEL, sc.Trouble.BREAK, then=(sc.NoSession(503),) * 2),),
)
QUIETLY_AWAY = attrs.evolve(
    AWAY,
    caller=(),
    faults=(sc.Fault(8_000, MODEL, sc.Trouble.BREAK, then=(sc.NoSession(503),) * 5),),
)
CUT_WHILE_AWAY = attrs.evolve(
    AWAY,
    caller=(sc.SpeaksOver(heard_ms=2_500, length_ms=900),),
    faults=(sc.Fault(1_500, MODEL, sc.Trouble.BREAK),),
)
HALF_OPEN = attrs.evolve(
    AWAY, length_ms=30_000, websockets=True, faults=(sc.Fault(9_000, MODEL, sc.Trouble.SILENCE),)
)
FOR_GOOD = attrs.evolve(
    AWAY,
    caller=(),
    faults=(sc.Fault(8_000, MODEL, sc.Trouble.EXPIRY, then=(sc.NoSession(401),)),),
)
GO_AWAY = (AWAY, QUIETLY_AWAY, CUT_WHILE_AWAY, HALF_OPEN, FOR_GOOD)

Plant = Callable[[pytest.MonkeyPatch], None]


def test_nothing_is_broken_as_it_is() -> None:
    old = (INTERRUPTED, GENERATING, TOOLS, COUGH, APPLICATION, SLOW_CARRIER)
    for scenario in (*old, ASKED, CUT, KEYS, ENDING, LEAVING, SILENCE, SLOW_TOOL, *GO_AWAY):
        assert broken_in(scenario) == []


def test_a_call_whose_sessions_are_short_is_one_call() -> None:
    """Five minutes of a caller who speaks and of sessions that last for half a minute each."""
    minutes = 5
    words = tuple(sc.Speaks(at_ms, 1_500) for at_ms in range(9_000, minutes * 60_000, 11_000))
    scenario = sc.Scenario(
        length_ms=minutes * 60_000,
        websockets=False,
        settings=sc.Settings(session_max_s=30),
        caller=words,
        answers=tuple(
            sc.Answer(items_ms=(3_000,), texts=(f"{number}: {WORDS}",))
            for number in range(1, len(words) + 2)
        ),
    )
    record = play(scenario)
    assert judge_call(scenario, record) == []
    assert len(record.sessions) >= minutes * 60 // 30
    assert sum(entry.kind == "response.create" for entry in record.entries) == len(words) + 1
    assert not record.clips, "somebody was told to wait"


def carries_out(kind: type, wrong: Callable[..., None]) -> Plant:
    """Carry out one kind of command wrongly."""

    def plant(monkeypatch: pytest.MonkeyPatch) -> None:
        right = carry_out.CARRY_OUT[kind]

        def act(desk: Any, command: Any, now_ms: int) -> None:
            wrong(right, desk, command, now_ms)

        monkeypatch.setitem(carry_out.CARRY_OUT, kind, act)  # type: ignore[arg-type]

    return plant


def twice(right: Any, desk: Any, command: Any, now_ms: int) -> None:
    right(desk, command, now_ms)
    right(desk, command, now_ms)


def never(right: Any, desk: Any, command: Any, now_ms: int) -> None:
    return


def too_far(right: Any, desk: Any, command: Any, now_ms: int) -> None:
    right(desk, attrs.evolve(command, audio_end_ms=command.audio_end_ms + 400), now_ms)


def to_whoever_is_there(right: Any, desk: Any, command: Any, now_ms: int) -> None:
    """Truncate without a look at whose item it is: not the conversation's, and not its name's."""
    if desk.session is not None:
        text = desk.model_codec.encode_truncate(
            item_id=command.item_id,
            content_index=0,
            audio_end_ms=command.audio_end_ms,
            event_id=translate.event_id(command.command),
        )
        desk.line.model_outbox.put_control(text)


def replaces(target: Any, name: str, wrong: Any) -> Plant:
    return lambda monkeypatch: monkeypatch.setattr(target, name, wrong)


def clear_again(self: Any, text: str) -> int:
    self._waiting.clear()
    self._put(outboxes.Outgoing(text, is_clear=True))
    self._put(outboxes.Outgoing(text, is_clear=True))
    return 0


def drops_caller_audio(monkeypatch: pytest.MonkeyPatch) -> None:
    right, count = outboxes.ModelOutbox.put_audio, iter(range(10**9))

    def put_audio(self: Any, payload: bytes) -> None:
        if next(count) % 50 != 49:  # a frame limiter that is off by one
            right(self, payload)

    monkeypatch.setattr(outboxes.ModelOutbox, "put_audio", put_audio)


def heard_in_any_case(monkeypatch: pytest.MonkeyPatch) -> None:
    right = speaking._outcome

    def wrong(*args: Any) -> Any:
        return None if right(*args) is None else commands.SpeechOutcome.HEARD

    monkeypatch.setattr(speaking, "_outcome", wrong)


def keys_of_both(monkeypatch: pytest.MonkeyPatch) -> None:
    right = keying.pressed

    def wrong(where: state.State, wanted: digits.Collection, digit: str, now_ms: int) -> None:
        where.keys.pressed(digit, now_ms)
        right(where, wanted, digit, now_ms)

    monkeypatch.setattr(keying, "pressed", wrong)


def keys_of_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digits.Collection, "pressed", lambda *args: None)


def ends_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    right = hold.end_at_carrier

    async def wrong(*args: Any) -> None:
        await right(*args)
        await right(*args)

    monkeypatch.setattr(hold, "end_at_carrier", wrong)


def goodbye_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    right = idling.notice

    def wrong(where: state.State, now_ms: int) -> None:
        where.idle.asked = 9
        right(where, now_ms)

    monkeypatch.setattr(idling, "notice", wrong)


def answers_the_handed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaving, "answers_nobody", lambda where: False)
    right = answering.may_create

    def wrong(where: state.State, now_ms: int) -> bool:
        ending, where.ending = where.ending, None
        try:
            return right(where, now_ms)
        finally:
            where.ending = ending

    monkeypatch.setattr(answering, "may_create", wrong)


def asks_too_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    right = idling.next_deadline_ms

    def wrong(where: state.State) -> int | None:
        due_ms = right(where)
        return None if due_ms is None else due_ms - 2_000

    monkeypatch.setattr(idling, "next_deadline_ms", wrong)


def filler_without_a_tool(monkeypatch: pytest.MonkeyPatch) -> None:
    right = tooling.answer_when_complete

    def wrong(where: state.State) -> None:
        before = len(where.creates.queue)
        right(where)
        if len(where.creates.queue) > before:
            where.creates.ask(creates.Queued(commands.Cause.FILLER, where.book.last_number))

    monkeypatch.setattr(tooling, "answer_when_complete", wrong)
    monkeypatch.setattr(tooling, "drop_fillers", lambda *args: None)


async def looks_away(*args: Any) -> None:
    await trio.lowlevel.checkpoint()


async def crashes(*args: Any) -> None:
    await trio.sleep(2)
    raise RuntimeError("planted")


def forgets_the_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    right = outboxes.ModelOutbox.begin

    def begin(self: Any, *args: Any) -> None:
        self._audio.clear()
        self._audio_bytes = 0
        right(self, *args)

    monkeypatch.setattr(outboxes.ModelOutbox, "begin", begin)
    monkeypatch.setattr(caller_sound.CallerSound, "take_again", lambda *args: b"")


def _goes_at_once(where: state.State) -> leaving.Step:
    return leaving.Step.WAIT if where.ending is None else leaving.Step.GO


PLANTED: dict[str, tuple[sc.Scenario, str, Plant]] = {
    "two cancels": (GENERATING, "one cancel", carries_out(commands.CancelResponse, twice)),
    "no cancel": (GENERATING, "one cancel", carries_out(commands.CancelResponse, never)),
    "a truncation beyond what was heard": (
        INTERRUPTED,
        "truth",
        carries_out(commands.TruncateItem, too_far),
    ),
    "no truncation": (INTERRUPTED, "truth", carries_out(commands.TruncateItem, never)),
    "two clears": (
        INTERRUPTED,
        "one clear",
        replaces(outboxes.CarrierOutbox, "clear", clear_again),
    ),
    "no clear": (INTERRUPTED, "truth", carries_out(commands.ClearCarrier, never)),
    "a create at once": (
        sc.Scenario(
            length_ms=9_000, websockets=False, application=(sc.Says(2_000), sc.Says(2_010))
        ),
        "one answer",
        replaces(answering, "may_create", lambda *args: True),
    ),
    "two creates": (INTERRUPTED, "one answer", carries_out(commands.CreateResponse, twice)),
    "two tool outputs": (TOOLS, "tools", carries_out(commands.PostToolOutput, twice)),
    "no tool output": (
        sc.Scenario(length_ms=50_000, websockets=False, answers=TOOLS.answers),
        "tools",
        carries_out(commands.PostToolOutput, never),
    ),
    "marks with one name": (
        INTERRUPTED,
        "well formed",
        replaces(carry_out, "mark_name", lambda epoch, number: marks.mark_name(epoch, 1)),
    ),
    "a hush without end": (
        COUGH,
        "no dead air",
        replaces(floor.Floor, "_hush_due", lambda *args, **kwargs: floor.Verb.NOTHING),
    ),
    "a lead without bound": (
        sc.Scenario(length_ms=8_000, websockets=False, answers=(sc.Answer(items_ms=(6_000,)),)),
        "lead",
        replaces(sending, "_room_ms", lambda *args: 10_000),
    ),
    "frames of the caller lost": (INTERRUPTED, "caller audio", drops_caller_audio),
    "an interruption without outcome": (
        attrs.evolve(APPLICATION, length_ms=20_000),
        "outcome",
        replaces(control.CallControl, "settled", lambda *args: None),
    ),
    "words that were cut off and are called heard": (CUT, "outcome", heard_in_any_case),
    "words without an outcome": (
        CUT,
        "outcome",
        carries_out(commands.SpeechEnded, never),
    ),
    "keys that two are given": (KEYS, "keys", keys_of_both),
    "keys that nobody is given": (KEYS, "keys", keys_of_nobody),
    "an ending that cuts the model off": (
        ENDING,
        "end",
        replaces(leaving, "next_step", lambda where, *more: _goes_at_once(where)),
    ),
    "an ending that never comes": (
        ENDING,
        "end",
        replaces(leaving, "next_step", lambda *args: leaving.Step.WAIT),
    ),
    "a call that is ended twice": (ENDING, "end", ends_twice),
    "a call that is not ended at the carrier": (
        ENDING,
        "end",
        replaces(hold, "is_ended_well", lambda reason: False),
    ),
    "an answer while the call is handed over": (
        LEAVING,
        "end",
        answers_the_handed_over,
    ),
    "a word that is asked for too soon": (
        SILENCE,
        "silence",
        asks_too_soon,
    ),
    "a goodbye without a question": (SILENCE, "silence", goodbye_at_once),
    "a filler, and no tool runs": (SLOW_TOOL, "tools", filler_without_a_tool),
    "a conversation that is not told": (
        AWAY,
        "conversation",
        replaces(conversation.Conversation, "told_anew", lambda *args: []),
    ),
    "words that were not heard are told": (
        AWAY,
        "conversation",
        replaces(conversation, "heard_text", lambda text, *args: text),
    ),
    "a session that is told of another's item": (
        CUT_WHILE_AWAY,
        "another session",
        carries_out(commands.TruncateItem, to_whoever_is_there),
    ),
    "silence while the model is away": (
        QUIETLY_AWAY,
        "no dead air",
        replaces(away, "notice_silence", lambda *args: None),
    ),
    "a call that ends without a word": (
        FOR_GOOD,
        "no dead air",
        carries_out(commands.PlayRecorded, never),
    ),
    "a half-open socket": (HALF_OPEN, "lost", replaces(watch, "_look_at", looks_away)),
    "what the caller said meanwhile is forgotten": (AWAY, "caller audio", forgets_the_gap),
    "a crash": (TOOLS, "it ends", replaces(carry_out, "run_tool", crashes)),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_fault_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    scenario, promise, plant = PLANTED[name]
    plant(monkeypatch)
    assert promise in {broken.promise for broken in broken_in(scenario)}
