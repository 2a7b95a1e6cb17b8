"""The example that the README begins with: as it stands there, in virtual time, and served."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from trio_media import Agent
from trio_media.agent.loading import load_agent
from trio_media.config import Config
from trio_media.embedded import ModelBehaviour
from trio_media.examples import booking
from trio_media.phone import CallerScript, HangUp, Say, WaitForSilence, WaitForSpeech
from trio_media.testing import Call
from trio_media.testing.carrier import CallScript, Human

from .world import CALLER, open_world

README = Path(__file__).parents[2] / "README.md"
FENCE = "<!-- trio_media/examples/booking.py -->"
MakeCall = Callable[..., Call]
pytestmark = pytest.mark.trio_media(agent=booking.agent)


@pytest.fixture(autouse=True)
def _empty_book() -> Iterator[None]:
    booking.booked.clear()
    yield
    booking.booked.clear()


def ten_lines() -> str:
    """The lines of the README; those of the example until it has them."""
    found = re.search(
        FENCE + r"\n+```python\n(.*?)^```", README.read_text(), re.DOTALL | re.MULTILINE
    )
    if found is not None:
        return found[1]
    source = Path(booking.__file__).read_text()
    return source[source.index("from trio_media import") : source.index("TIMES =")]


def test_the_ten_lines_of_the_readme_are_a_part_of_the_example() -> None:
    source = Path(booking.__file__).read_text()
    at = 0
    for paragraph in ten_lines().strip().split("\n\n"):
        at = source.index(paragraph.strip("\n"), at)  # each, in their order


@pytest.mark.parametrize("name", ["booking", "ivr", "reminder"])
def test_every_example_is_served_by_its_name(name: str) -> None:
    agent = load_agent(f"trio_media.examples.{name}:agent")
    agent.check(Config())
    assert agent is load_agent(f"trio_media.examples.{name}:agent")


async def test_the_ten_lines_of_the_readme_take_a_booking(make_call: MakeCall) -> None:
    names: dict[str, object] = {"__name__": "bookings"}
    exec(ten_lines(), names)
    agent = names["agent"]
    assert isinstance(agent, Agent)
    call = make_call(agent=agent)
    call.model.calls_tool("book", people=2, time="19:00")
    call.model.speaks("You have a table.")
    call.phone.says("A table for two at seven, please.", at_ms=3_500)
    await call.run(until_ms=12_000)
    assert call.phone.heard == "Good evening, how may I help?\nYou have a table."
    assert [told.output for told in call.model.tool_outputs] == ["Booked for 2 at 19:00."]


async def test_a_booking_made_twice_is_one_booking(call: Call) -> None:
    for _ in range(2):
        call.model.calls_tool("book", people=2, time="19:30")
        call.model.speaks("You have a table.")
    call.phone.says("A table for two, please.", at_ms=3_500)
    call.phone.says("Did you hear me? A table for two!", at_ms=9_000)
    await call.run(until_ms=16_000)
    assert booking.booked == {CALLER: "2 at 19:30"}
    assert call.model.session.tool_names == ["book", "free_times", "cancel_booking"]


async def test_whoever_waits_for_the_book_is_told_so(call: Call) -> None:
    call.model.calls_tool("free_times", people=2)
    call.model.speaks("At six, half past seven, and nine.")
    call.phone.says("When do you have a table for two?", at_ms=3_500)
    await call.run(until_ms=16_000)
    assert call.phone.heard.splitlines() == [
        "Good evening, how may I help?",
        "One moment, I am looking at the book.",
        "At six, half past seven, and nine.",
    ]
    [told] = call.model.tool_outputs
    assert told.output == '["18:00","19:30","21:00"]'


async def test_whoever_wants_something_else_meanwhile_needs_no_times(call: Call) -> None:
    call.model.calls_tool("free_times", people=2)
    call.model.speaks("Goodbye, then.")
    call.phone.says("When do you have a table for two?", at_ms=3_500)
    call.phone.says("Oh, never mind. I will call again.", at_ms=8_000)
    await call.run(until_ms=16_000)
    assert call.phone.heard.splitlines()[-1] == "Goodbye, then."
    [told] = call.model.tool_outputs
    assert "the caller interrupted" in told.output


async def test_what_cannot_be_done_the_model_is_told(call: Call) -> None:
    call.model.calls_tool("cancel_booking")
    call.model.speaks("There is none.")
    call.model.calls_tool("free_times", people=40)
    call.model.speaks("You are too many.")
    call.phone.says("Please cancel my booking.", at_ms=3_500)
    call.phone.says("A table for forty, then.", at_ms=9_000)
    await call.run(until_ms=16_000)
    assert [told.output for told in call.model.tool_outputs] == [
        '{"error":"there is no booking under this number"}',
        '{"error":"there are tables for 1 to 12 people"}',
    ]


async def test_a_booking_can_be_cancelled(call: Call) -> None:
    booking.booked[CALLER] = "2 at 19:30"
    call.model.calls_tool("cancel_booking")
    call.phone.says("Please cancel my booking.", at_ms=3_500)
    await call.run(until_ms=12_000)
    assert [told.output for told in call.model.tool_outputs] == ["Cancelled: 2 at 19:30."]
    assert booking.booked == {}


@pytest.mark.trio
async def test_it_takes_a_booking_over_real_sockets() -> None:
    asks = 'Call tool book {"people": 2, "time": "19:00"}'
    behaviour = ModelBehaviour(numbers_per_response=1, caller_says=(asks,))
    acts = (
        WaitForSpeech(audible_ms=1_000),
        WaitForSilence(),
        Say("one_moment"),
        WaitForSpeech(audible_ms=400),
        HangUp(),
    )
    async with open_world(booking.agent, behaviour) as world:
        script = CallScript(callee=Human(parts=(CallerScript(acts),)))
        call = await world.carrier.call(world.voice_url, from_=CALLER, script=script)
        await call.wait_over(timeout_s=30)
        end = await world.ends.receive()
    assert booking.booked == {CALLER: "2 at 19:00"}
    assert end.reason == "caller_hung_up"
    assert end.counters["tools_done"] == 1
