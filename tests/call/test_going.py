"""How a call leaves us: with a carrier's account that does what a test says, in virtual time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import pytest
import trio
from trio.testing import MockClock

from trio_media.call.attending import Attendance
from trio_media.call.control import Reply, Words
from trio_media.call.going import ASK_S, is_ended_well
from trio_media.core.commands import EndingOutcome
from trio_media.errors import RestLost, RestRefused
from trio_media.telephony.twiml import Dial, Hangup, Number, Verb

from .live import ENDS_WITHIN_MS, LiveCall, config_of, live_call
from .wires import Model, speech

QUIET = config_of("")
AWAY = (Dial(target=Number("+15550004444")),)
REFUSED = RestRefused(21220, 400, "not in progress")
LOST = RestLost("cut", may_be_taken=True)


@attrs.define(eq=False)
class Account:
    """Does what a test says, after a while."""

    error: Exception | None = None
    takes_s: float = 0.0
    asked: list[tuple[str, str, int]] = attrs.field(factory=list)
    """What, of which call, and when."""
    began_s: float = attrs.field(factory=trio.current_time)
    answered: int = 0

    async def hang_up(self, call_sid: str) -> None:
        await self._answer("hang up", call_sid)

    async def redirect(self, call_sid: str, verbs: Sequence[Verb]) -> None:
        assert tuple(verbs) == AWAY
        await self._answer("redirect", call_sid)

    async def place(self, to: str, verbs: Sequence[Verb], *, from_: str, ring_s: float) -> str:
        raise AssertionError

    async def _answer(self, what: str, call_sid: str) -> None:
        now_ms = round((trio.current_time() - self.began_s) * 1_000)
        self.asked.append((what, call_sid, now_ms))
        await trio.sleep(self.takes_s)
        self.answered += 1
        if self.error is not None:
            raise self.error


@attrs.define(eq=False)
class Left:
    """What is told of what the carrier goes on with."""

    told: list[tuple[str, Any]] = attrs.field(factory=list)

    def __call__(self, call_sid: str, onward: tuple[Verb, ...] | None) -> None:
        self.told.append((call_sid, onward))


async def speaking(call: LiveCall, length_ms: int = 1_000) -> Model:
    """The model says something, all of which was sent."""
    model = await call.start()
    await model.turn("T1")
    await model.opens("R1", "I1", speech(length_ms))
    await model.done("R1", "I1")
    return model


async def until_leaves(call: LiveCall, model: Model) -> tuple[int, int]:
    """Wait until both legs are closed; return when they were."""
    await call.carrier.closed.wait()
    await model.closed.wait()
    assert call.carrier.closed_ms is not None
    assert model.closed_ms is not None
    return call.carrier.closed_ms, model.closed_ms


@pytest.mark.parametrize("takes_s", [0.0, 3.0, 60.0])
async def test_the_carrier_is_asked_once_to_hang_up_and_holds_up_no_leg(
    takes_s: float, autojump_clock: MockClock
) -> None:
    account, left = Account(takes_s=takes_s), Left()
    async with live_call(QUIET, account=account, left=left) as call:
        model = await speaking(call)
        await call.control.end(is_final=True)
        closed = await until_leaves(call, model)
        ((what, call_sid, asked_ms),) = account.asked
        assert (what, call_sid) == ("hang up", "CA1")
        assert call.carrier.heard() == speech(1_000), "asked before all was heard"
        assert max(closed) - asked_ms <= ENDS_WITHIN_MS
        end = await call.until_end()
        assert call.ended_ms - asked_ms <= max(ENDS_WITHIN_MS, min(takes_s, ASK_S) * 1_000 + 10)
    assert left.told == [("CA1", (Hangup(),))]
    assert end.onward == (Hangup(),)
    assert end.counters.get("hang_ups_failed", 0) == (1 if takes_s > ASK_S else 0)


@pytest.mark.parametrize("error", [REFUSED, LOST])
async def test_a_hang_up_that_fails_is_noted_and_left_to_what_follows(
    error: Exception, autojump_clock: MockClock
) -> None:
    account, left = Account(error=error), Left()
    async with live_call(QUIET, account=account, left=left) as call:
        await call.start()
        await call.control.hang_up()
        end = await call.until_end()
        assert call.notebook.noted("hang_up_failed") == [{"detail": str(error)}]
    assert end.counters["hang_ups_failed"] == 1
    assert left.told == [("CA1", (Hangup(),))]
    assert len(account.asked) == 1


async def test_two_who_hang_up_at_once_are_one_request(autojump_clock: MockClock) -> None:
    account = Account(takes_s=1)
    async with live_call(QUIET, account=account) as call:
        await call.start()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(call.control.hang_up)
            nursery.start_soon(call.control.end)
            nursery.start_soon(call.control.hang_up)
        await call.control.hang_up()
        await call.until_end()
    assert [what for what, _, _ in account.asked] == ["hang up"]


@pytest.mark.parametrize("how", ["stop", "gone", "model lost", "nonsense"])
async def test_who_is_gone_or_owed_words_is_not_hung_up(
    how: str, autojump_clock: MockClock
) -> None:
    account, left = Account(), Left()
    async with live_call(QUIET, account=account, left=left) as call:
        model = await call.start()
        if how == "stop":
            await call.carrier.stop()
        elif how == "gone":
            await trio.aclose_forcefully(call.raw)
        elif how == "nonsense":
            await call.carrier.websocket.send_message("{")
        else:
            await model.websocket.aclose()
        await call.until_end()
    assert account.asked == []
    assert left.told == [("CA1", None)]


async def transferred(call: LiveCall, **how: Any) -> Reply[EndingOutcome]:
    await call.start()
    return await call.control.end(reason="transferred", onward=AWAY, **how)


async def test_a_transfer_is_one_redirect_and_leaves_nothing_to_do(
    autojump_clock: MockClock,
) -> None:
    account, left = Account(takes_s=0.5), Left()
    async with live_call(QUIET, account=account, left=left) as call:
        reply = await transferred(call)
        assert await reply.wait() is EndingOutcome.ENDED
        end = await call.until_end()
    assert [what for what, _, _ in account.asked] == ["redirect"]
    assert (end.reason, end.onward) == ("transferred", None)
    assert left.told == [("CA1", None)]


async def test_without_an_account_a_transfer_is_what_follows_the_stream(
    autojump_clock: MockClock,
) -> None:
    left = Left()
    async with live_call(QUIET, left=left) as call:
        reply = await transferred(call)
        assert await reply.wait() is EndingOutcome.ENDED
        end = await call.until_end()
    assert (end.reason, end.onward) == ("transferred", AWAY)
    assert left.told == [("CA1", AWAY)]


@pytest.mark.parametrize(("error", "takes_s"), [(REFUSED, 0.0), (LOST, 2.0), (None, ASK_S + 1)])
async def test_a_transfer_that_fails_leaves_the_call_here(
    error: Exception | None, takes_s: float, autojump_clock: MockClock
) -> None:
    account, left = Account(error=error, takes_s=takes_s), Left()
    async with live_call(QUIET, account=account, left=left) as call:
        reply = await transferred(call)
        assert await reply.wait() is EndingOutcome.FAILED
        assert len(call.notebook.noted("transfer_failed")) == 1
        # The call goes on: the model answers, and the next end is an end.
        await call.model.turn("T1")
        await call.model.opens("R1", "I1", speech(200))
        await call.model.done("R1", "I1")
        account.error, account.takes_s = None, 0.0
        await (await call.control.end(is_final=True)).wait()
        end = await call.until_end()
        assert call.carrier.heard() == speech(200)
    assert (end.reason, end.counters["transfers_failed"]) == ("hung_up", 1)
    assert [what for what, _, _ in account.asked] == ["redirect", "hang up"]
    assert left.told == [("CA1", (Hangup(),))]


async def test_a_stream_that_ends_while_the_carrier_takes_the_caller_over_is_a_transfer(
    autojump_clock: MockClock,
) -> None:
    """The carrier may end the stream before it answers; whether it took the caller is not known, so
    that what follows the stream still is the transfer, until the carrier has said so."""
    account, left = Account(takes_s=2), Left()
    async with live_call(QUIET, account=account, left=left) as call:
        reply = await transferred(call)
        await trio.sleep(0.5)
        await call.carrier.stop()
        assert await reply.wait() is EndingOutcome.ENDED
        end = await call.until_end()
    assert (end.reason, end.onward) == ("transferred", None)
    assert left.told == [("CA1", AWAY), ("CA1", None)]
    assert [what for what, _, _ in account.asked] == ["redirect"]


@pytest.mark.parametrize(
    ("error", "takes_s", "reason"),
    [(REFUSED, 2, "caller_hung_up"), (LOST, 2, "transferred"), (None, 2 * ASK_S, "transferred")],
)
async def test_a_caller_who_hangs_up_in_a_transfer_was_not_transferred_if_the_carrier_says_so(
    error: Exception | None, takes_s: float, reason: str, autojump_clock: MockClock
) -> None:
    account = Account(error, takes_s=takes_s)
    async with live_call(QUIET, account=account) as call:
        await transferred(call)
        await trio.sleep(0.5)
        await call.carrier.stop()
        await call.carrier.closed.wait()
        assert call.carrier.now_ms() <= 500 + ENDS_WITHIN_MS, "the legs do not wait for that"
        end = await call.until_end()
    assert end.reason == reason
    assert end.onward == (None if error is REFUSED else AWAY)
    assert end.counters.get("transfers_failed", 0) == (error is REFUSED)
    assert [what for what, _, _ in account.asked] == ["redirect"]


async def test_a_hang_up_overrides_a_transfer_that_is_under_way(autojump_clock: MockClock) -> None:
    account = Account(takes_s=2)
    async with live_call(QUIET, account=account) as call:
        await transferred(call)
        await trio.sleep(0.5)
        await call.control.hang_up()
        end = await call.until_end()
    assert end.reason in ("hung_up", "transferred")
    kinds = [what for what, _, _ in account.asked]
    assert kinds == ["redirect"] + (["hang up"] if end.reason == "hung_up" else [])


async def test_what_the_carrier_tells_by_another_way_ends_the_call(
    autojump_clock: MockClock,
) -> None:
    account = Account()
    async with live_call(QUIET, account=account) as call:
        await call.start()
        for _ in range(2):
            await call.control.caller_left()
        end = await call.until_end()
        await call.control.caller_left()
    assert end.reason == "caller_hung_up"
    assert account.asked == []


async def test_a_forced_end_asks_nobody_any_more(autojump_clock: MockClock) -> None:
    account = Account(takes_s=5)
    async with live_call(QUIET, account=account) as call:
        await call.start()
        await call.control.hang_up()
        await trio.sleep(1)
        call.scope.cancel()
        await call.ended.wait()
        assert call.ended_ms <= 1_000 + ENDS_WITHIN_MS
    assert (len(account.asked), account.answered) == (1, 0)


async def test_whoever_says_goodbye_says_it_once(autojump_clock: MockClock) -> None:
    account = Account()
    async with live_call(QUIET, account=account) as call:
        model = await call.start()
        reply = await call.control.end(words=Words(text="Goodbye."), is_final=True)
        await model.says("R1", "I1", speech(300))
        assert await reply.wait() is EndingOutcome.ENDED
        await call.until_end()
        assert len(model.of("response.create")) == 1
        assert call.carrier.heard() == speech(300)
    assert len(account.asked) == 1


@pytest.mark.parametrize(
    ("reason", "is_well"),
    [
        ("hung_up", True),
        ("silence", True),
        ("max_call", True),
        ("caller_hung_up", False),
        ("carrier_lost", False),
        ("carrier_protocol_error", False),
        ("model_lost", False),
        ("transferred", False),
    ],
)
def test_who_ends_a_call_hangs_up(reason: str, is_well: bool) -> None:
    assert is_ended_well(reason) is is_well


async def test_nobody_is_told_before_the_call_is_over(autojump_clock: MockClock) -> None:
    left = Left()

    async def attend(started: Any) -> Attendance:
        assert left.told == []
        return Attendance(config=QUIET)

    async with live_call(QUIET, attend=attend, left=left) as call:
        await call.start()
        assert left.told == []
        await call.carrier.stop()
        await call.until_end()
    assert len(left.told) == 1
