"""The language of the scenarios: four actors, a clock, and what must be seen afterwards.

A scenario is one test.  It reads from top to bottom as the call goes:

    @race("A4")
    async def test_an_answer_interrupted_before_its_id_is_never_heard() -> None:
        async with scene() as s:
            await s.app.says("Hello.")          # a create goes out
            await s.at(50)
            asked = await s.app.interrupts()
            await s.at(350)
            await s.model.opens("R1", "I1", 500)
            await s.model.done("R1", "cancelled")
            assert s.told == ["create", "cancel R1", "delete I1"]
            assert s.heard == {}
            assert asked.outcome == "cancelled"

Rule 1: a line has taken effect everywhere before the next one begins, except `s.at_once()`.
Rule 2: times count from when the model session is ready; nothing takes real time.
Rule 3: every scene checks by itself what must be true of every call: see `looking_back.py`.
Rule 4: an item's audio is numbered, so that `s.heard` knows what the caller heard, not what we say.
"""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final, ParamSpec, TypeAlias

import attrs
import pytest
import trio
import trio.testing
from trio.testing import MockClock

from tests.call.live import LiveCall, live_call

from .actors import App, Caller, ModelSide
from .looking_back import look_back
from .settings import attending_of, configured
from .sightings import Numbers, Sighting, in_runs, on_phone, order_line, time_line, told

Args = ParamSpec("Args")
Script: TypeAlias = Callable[Args, Awaitable[None]]
HEARD_WITHIN_MS: Final = 40  # two frames: a truncation, and what the caller really heard
CASES: Final[dict[str, list[str]]] = {}
"""Which tests concern which case, by its number; a test is ``module::function``."""
_scenes: deque[Scene] = deque(maxlen=1)
"""The last one of the test that runs, for its time line."""


def race(*cases: str, in_real_time: bool = False) -> Callable[[Script[Args]], Callable[Args, None]]:
    """Make a test of a script, and say which cases of the catalogue it plays.

    ``in_real_time``: it has sockets or threads, for which no virtual clock waits.
    """
    assert cases, "a race names its cases"

    def decorate(script: Script[Args]) -> Callable[Args, None]:
        for case in cases:
            CASES.setdefault(case, []).append(f"{script.__module__}::{script.__qualname__}")
        test = scenario(script, in_real_time=in_real_time)
        test.races = cases  # type: ignore[attr-defined]
        return test

    return decorate


def scenario(script: Script[Args], *, in_real_time: bool = False) -> Callable[Args, None]:
    """Make a test of a script: it runs under a clock that jumps, and a failure shows the wires."""

    @functools.wraps(script)
    def test(*args: Args.args, **kwargs: Args.kwargs) -> None:
        _scenes.clear()
        play = functools.partial(script, *args, **kwargs)
        try:
            trio.run(play, clock=None if in_real_time else MockClock(autojump_threshold=0))
        except BaseException as failure:  # noqa: BLE001  # it is raised again, with the wires
            told = _alone(failure)
            for played in _scenes:
                told.add_note(f"the wires:\n{played.time_line()}")
            raise told from told.__cause__

    return test


def _alone(failure: BaseException) -> BaseException:
    """What failed, without the nurseries around it."""
    while isinstance(failure, BaseExceptionGroup) and len(failure.exceptions) == 1:
        failure = failure.exceptions[0]
    return failure


def near(length_ms: float, by_ms: int = HEARD_WITHIN_MS) -> Any:
    """So many milliseconds, within what a frame or two may change."""
    return pytest.approx(length_ms, abs=by_ms)


@attrs.define(eq=False)
class Scene:
    """A call, its actors, and what was seen of it."""

    call: LiveCall
    numbers: Numbers
    caller: Caller
    """Speaks, presses keys, hangs up; what it hears is `heard`."""
    model: ModelSide
    """The model service."""
    app: App
    """The application: `CallControl`."""
    more_ms: int = HEARD_WITHIN_MS
    """How much more may be told as heard than was: a mark may be overdue before it counts."""
    less_ms: int = HEARD_WITHIN_MS
    """How much less may be told: what no mark confirms is not believed."""
    zero_ms: int = 0
    settles: bool = True

    # --- time ---

    @property
    def now_ms(self) -> int:
        """Since the model session is ready."""
        return self.call.carrier.now_ms() - self.zero_ms

    async def at(self, at_ms: int) -> None:
        """Wait until this moment, and until all that is due then was done."""
        assert at_ms >= self.now_ms, f"{at_ms} ms is over; it is {self.now_ms} ms"
        await trio.sleep_until(self.call.carrier.began_s + (self.zero_ms + at_ms) / 1_000)
        await self.settle()

    async def after(self, length_ms: int) -> None:
        """Wait so long."""
        await self.at(self.now_ms + length_ms)

    async def settle(self) -> None:
        """Wait until everybody waits, unless things are to happen at once."""
        if self.settles:
            await trio.testing.wait_all_tasks_blocked()

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """What stands inside reaches the call before the call can do anything about it."""
        self.settles = False
        yield
        self.settles = True

    @property
    def is_server_acting(self) -> bool:
        """Whether the server may interrupt and answer by itself, as it was asked last."""
        asked = [order_line(message) for message in self.model.wire.of("session.update")]
        return asked[-1:] == ["flags on"]

    # --- what was seen ---

    @property
    def told(self) -> list[str]:
        """What the model was told, in order: ``create``, ``cancel R1``, ``truncate I1``,
        ``delete I1``, ``output C1``, ``text ...``, ``flags on``."""
        return [sighting.line for sighting in self.told_when]

    @property
    def told_when(self) -> list[Sighting]:
        """The same with the times, from the scene's zero."""
        model = self.call._model
        seen = [] if model is None else told(model)
        return [attrs.evolve(s, at_ms=s.at_ms - self.zero_ms) for s in seen]

    @property
    def asked_words(self) -> list[str]:
        """What the model was to say by each create; empty where it was left to it."""
        creates = self.model.wire.of("response.create")
        return [str(create["response"].get("instructions") or "") for create in creates]

    def told_of(self, kind: str) -> list[str]:
        """What the model was told that begins so, without the beginning: ids, mostly."""
        return [line.removeprefix(kind).strip() for line in self.told if line.startswith(kind)]

    @property
    def truncated(self) -> dict[str, int]:
        """Where items were truncated."""
        found = self.model.wire.of("conversation.item.truncate")
        return {message["item_id"]: message["audio_end_ms"] for message in found}

    @property
    def on_phone(self) -> list[str]:
        """What the carrier got: ``media I1``, ``clear``; repetitions once, marks not at all."""
        return in_runs([sighting.line for sighting in self.on_phone_when])

    @property
    def on_phone_when(self) -> list[Sighting]:
        """The same message by message with the times, from the scene's zero."""
        seen = on_phone(self.call.carrier, self.numbers)
        return [attrs.evolve(s, at_ms=s.at_ms - self.zero_ms) for s in seen]

    @property
    def heard(self) -> dict[str, int]:
        """How far into each item the caller has heard up to now."""
        heard: dict[str, int] = {}
        for item_id, _, end_ms in self.heard_spans:
            heard[item_id] = max(heard.get(item_id, 0), end_ms)
        return heard

    @property
    def heard_spans(self) -> list[tuple[str, int, int]]:
        """What the caller has heard, in order: item, from, to."""
        return self.numbers.spans(self.call.carrier.heard())

    @property
    def clears(self) -> list[int]:
        """When the carrier was cleared."""
        return [at_ms - self.zero_ms for at_ms in self.call.carrier.times_ms("clear")]

    def time_line(self) -> str:
        """Both wires, for a reader."""
        return time_line(self.call.carrier, self.call._model, self.numbers, self.zero_ms)


@asynccontextmanager
async def scene(
    *,
    starts: bool = True,
    agrees: bool = True,
    more_ms: int = HEARD_WITHIN_MS,
    less_ms: int = HEARD_WITHIN_MS,
    told: Mapping[str, str] | None = None,
    **settings: Any,
) -> AsyncIterator[Scene]:
    """Set a scene: a call that has started, and a model that has agreed on the session.

    ``starts``: whether the media stream has started.  ``agrees``: whether the session is ready.
    ``more_ms`` and ``less_ms``: how true truncations must be, where the carrier is odd.
    ``told``: parameters of the media stream.
    ``settings``: configuration (`configured`), who is there (`attending_of`), and what `live_call`
    takes, such as ``tools``.
    """
    config = configured(settings)
    attending = attending_of(config, settings)
    numbers = Numbers()
    async with live_call(config, **settings) as call:
        played = Scene(
            call=call,
            numbers=numbers,
            caller=Caller(call, numbers),
            model=ModelSide(call, numbers),
            app=App(call, attending=attending),
            more_ms=more_ms,
            less_ms=less_ms,
        )
        for actor in (played.caller, played.model, played.app):
            actor.settle = played.settle
        if attending is not None and attending.account is not None:
            attending.account.call = call
        _scenes.append(played)
        if starts:
            await call.carrier.start(**(told or {}))
            await call.model_came.wait()
            if agrees:
                await call.model.begin()
            await played.settle()
        played.zero_ms = call.carrier.now_ms()
        yield played
        await played.settle()
        look_back(played)
