"""The same call, interrupted at one moment after another; and late messages in every order."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Awaitable, Callable
from typing import Final

import pytest
import trio

from .model_peer import Answer
from .scenario_book import ScenarioBook
from .wire_log import until
from .world import LiveCall, Verdict

scenario = ScenarioBook({"authority": "client", "detector": "both"})
STEPS_MS: Final = (0, 10, 25, 40, 60, 90, 130, 180, 240, 320, 420, 560, 760, 1_000, 1_300, 1_700)


@pytest.fixture(scope="module")
def verdicts(request: pytest.FixtureRequest) -> dict[str, Verdict]:
    return scenario.run_wanted(request)


async def _slowly_answered(call: LiveCall) -> None:
    """A create, its id 60 ms later, audio for half a second in steps, and 900 ms to be heard."""
    create = await call.model.create()
    await trio.sleep(0.06)
    answer = await call.model.created(create)
    await trio.sleep(0.06)
    await call.model.say(answer, 1_400, chunk_ms=140, pace=0.3)
    if answer.is_open:
        await call.model.done(answer)


async def _interrupted_after(after_ms: int, how: str, call: LiveCall) -> None:
    await call.model.turn()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_slowly_answered, call)
        await trio.sleep(after_ms / 1_000)
        if how == "key":
            await call.phone.press("1")
        else:
            item_id = await call.model.hears()
            await trio.sleep(0.1)
            await call.model.stops_hearing(item_id)
            await call.model.commits(item_id)
    second = await call.model.answer(300)
    await call.phone.until_heard(second.number, 300)
    assert call.count("clear") <= 1
    assert call.count("response.create") == 2


for _how, _step_ms in itertools.product(("key", "ear"), STEPS_MS):
    _detector = "both" if _how == "key" else "server"
    scenario(detector=_detector, name=f"{_how}_after_{_step_ms:04d}_ms")(
        functools.partial(_interrupted_after, _step_ms, _how)
    )


# --- late messages in every order ------------------------------------------------------------

Step = Callable[[LiveCall, Answer], Awaitable[object]]


async def _done(call: LiveCall, first: Answer) -> None:
    await call.model.done(first, "cancelled", "client_cancelled")


async def _not_active(call: LiveCall, first: Answer) -> None:
    cancel = call.log.sent("response.cancel")[0].message
    await call.model.refuse("response_cancel_not_active", cancel)


async def _straggler(call: LiveCall, first: Answer) -> None:
    await call.model.say(first, 200, stubborn=True)


async def _next_created(call: LiveCall, first: Answer) -> None:
    await call.model.say(await call.model.created(), 1_500)


LATE: Final[dict[str, Step]] = {
    "done": _done,
    "refused": _not_active,
    "straggler": _straggler,
    "next": _next_created,
}


async def _in_order(order: tuple[str, ...], call: LiveCall) -> None:
    call.model.on_cancel = "ignore"
    await call.model.turn()
    first = await call.model.created(await call.model.create())
    await call.model.say(first, 3_000)
    await call.phone.until_heard(first.number, 300)
    await call.phone.press("1")
    await until(lambda: first.cancels == 1, "the cancel")
    for name in order:
        await LATE[name](call, first)
        await trio.sleep(0.03)
    second = call.model.answers[1]
    await call.phone.until_heard(second.number, 300)
    call.model.on_cancel = "obey"
    await call.phone.press("2")
    await until(lambda: not second.is_open, "the second to be cancelled")
    assert (first.cancels, second.cancels) == (1, 1)
    await until(lambda: call.count("clear") >= 2, "the clear")
    assert call.count("clear") == 2


for _order in itertools.permutations(LATE):
    scenario(name="_".join(_order))(functools.partial(_in_order, _order))


@pytest.mark.parametrize("name", sorted(scenario.scenarios))
def test_every_promise_holds_at_every_moment(name: str, verdicts: dict[str, Verdict]) -> None:
    verdicts[name].check()
