"""A whole call between the two wires, on whatever clock the test has."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import attrs
import trio
import trio_websocket
from trio.testing import memory_stream_pair

from trio_media.audio.detector import SpeechEdge, SpeechTransition
from trio_media.call.breaker import Breaker
from trio_media.call.choosing import Services
from trio_media.call.control import CallControl, InterruptionResult
from trio_media.call.listening import VoiceJudge
from trio_media.call.model_service import Connect, Reaching, services_of
from trio_media.call.record import CallEnd
from trio_media.call.run import Admit, CallOptions, admit_all, policy_of, run_call
from trio_media.call.tool import RunTool, Tool
from trio_media.config import AgentConfig, BargeInConfig, Config
from trio_media.core.policy import Policy
from trio_media.errors import LegLost
from trio_media.recording.log_format import LogHeader, Note, decode_line, encode_line
from trio_media.replay import LoggedCall, Replay, replay_call

from .streams import SpyStream
from .wires import QUIET_FRAME, Carrier, Model, connect_websocket

LIMIT_S = 120.0
ENDS_WITHIN_MS = 1_000  # from the decision to end until both legs are closed


def config_of(greeting: str = "Hello.", **barge_in: Any) -> Config:
    settings = {"backchannel_ms": 0, **barge_in}
    agent = AgentConfig(greeting=greeting, silence_s=0)
    return Config(agent=agent, barge_in=BargeInConfig(**settings))


def for_once(config: Config) -> Config:
    """A session that is lost is not made anew."""
    return attrs.evolve(config, realtime=attrs.evolve(config.realtime, reconnect_max=0))


GREETS = config_of()
ONCE = for_once(GREETS)


class SpeechByByte:
    """A detector for tests: a frame of 0x00 is speech; confirmed when it has lasted long enough."""

    def __init__(self, confirm_ms: int) -> None:
        self.confirm_ms = confirm_ms
        self.since_ms: int | None = None
        self.is_confirmed = False

    def hear(self, payload: bytes, at_ms: int) -> list[SpeechTransition]:
        end_ms = at_ms + len(payload) // 8
        is_speech = payload[:1] == b"\x00"
        if is_speech and self.since_ms is None:
            self.since_ms, self.is_confirmed = at_ms, False
            return [SpeechTransition(SpeechEdge.BEGAN, end_ms)]
        if not is_speech and self.since_ms is not None:
            self.since_ms = None
            return [SpeechTransition(SpeechEdge.ENDED, end_ms)]
        if self.since_ms is None or self.is_confirmed:
            return []
        if end_ms - self.since_ms >= self.confirm_ms:
            self.is_confirmed = True
            return [SpeechTransition(SpeechEdge.CONFIRMED, end_ms)]
        return []


class QuietLog:
    """A logger that keeps what is logged."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, Any]] = []

    def info(self, msg: object, *args: object, extra: Any = None) -> None:
        self.lines.append((str(msg), extra))

    warning = info


class Notebook:
    """An observer that keeps everything."""

    wants_heard_audio = True

    def __init__(self) -> None:
        self.log: list[bytes] = []
        self.events: list[Any] = []
        self.orders: list[Any] = []
        self.notes: list[tuple[str, dict[str, Any]]] = []
        self.caller: list[tuple[int, bytes]] = []
        self.heard: list[tuple[int, bytes]] = []

    def event(self, event: Any, t_ms: int) -> None:
        self.events.append(event)
        self.log.append(encode_line(event, t_ms))

    def commands(self, commands: Any, t_ms: int) -> None:
        self.orders.extend(commands)
        self.log += [encode_line(command, t_ms) for command in commands]

    def note(self, kind: str, t_ms: int, **fields: Any) -> None:
        self.notes.append((kind, fields))
        self.log.append(encode_line(Note(kind, fields), t_ms))

    def caller_audio(self, at_ms: int, payload: bytes) -> None:
        self.caller.append((at_ms, payload))

    def heard_audio(self, at_ms: int, payload: bytes) -> None:
        self.heard.append((at_ms, payload))

    def noted(self, kind: str) -> list[dict[str, Any]]:
        return [fields for name, fields in self.notes if name == kind]

    def replay(self, policy: Policy) -> Replay:
        """Decide on everything again, from what its lines in a log say."""
        header = LogHeader(call_sid="", stream_sid="", started_at="", policy=policy)
        lines = [encode_line(header, 0), *self.log]
        return replay_call(LoggedCall(decode_line(line) for line in lines))


@attrs.define(eq=False)
class LiveCall:
    """A call under test, with both of its wires in the test's hands."""

    carrier: Carrier
    raw: trio.abc.Stream
    """Under the carrier's websocket: for what no websocket would send."""
    spy: SpyStream
    """The carrier's stream as the call has it."""
    nursery: trio.Nursery
    _model_spy: Any = None
    _model: Model | None = None
    models: list[Model] = attrs.field(factory=list)
    """Of each session that was accepted, the newest last."""
    is_model_there: bool = True
    """Whether there is anybody whom a connect reaches."""
    _control: CallControl | None = None
    _end: CallEnd | None = None
    crash: BaseException | None = None
    ended: trio.Event = attrs.field(factory=trio.Event)
    ended_ms: int = 0
    model_came: trio.Event = attrs.field(factory=trio.Event)
    notebook: Notebook = attrs.field(factory=Notebook)
    scope: trio.CancelScope = attrs.field(factory=trio.CancelScope)
    """Around `run_call`."""
    log: QuietLog = attrs.field(factory=QuietLog)
    policy: Policy = attrs.field(factory=Policy)

    @property
    def model(self) -> Model:
        assert self._model is not None, "no model was called"
        return self._model

    def require_model(self) -> None:
        """Raise as a connect does that reaches nobody."""
        if not self.is_model_there:
            raise LegLost("model", "nobody is there")

    @property
    def model_spy(self) -> SpyStream:
        """The model's stream as the call has it."""
        assert self._model_spy is not None, "no model was called"
        spy: SpyStream = self._model_spy
        return spy

    @property
    def control(self) -> CallControl:
        assert self._control is not None, "the call has not started"
        return self._control

    @property
    def end(self) -> CallEnd:
        assert self._end is not None, "the call has not ended"
        return self._end

    async def start(self, **overrides: Any) -> Model:
        """The carrier starts, the model agrees."""
        await self.carrier.start()
        await self.model_came.wait()
        await self.model.begin(**overrides)
        return self.model

    async def next_model(self, count: int = 2, **overrides: Any) -> Model:
        """Wait for the call's next session, the ``count``-th, and agree on it."""
        while len(self.models) < count:
            self.model_came = trio.Event()
            await self.model_came.wait()
        model = self.models[count - 1]
        await model.begin(**overrides)
        return model

    async def caller_speaks(self, length_ms: int) -> None:
        """The caller is loud for so long, and then quiet."""
        await self.carrier.talk(length_ms)
        await self.carrier.talk(20, QUIET_FRAME)

    def interrupt_soon(self, **kwargs: Any) -> list[InterruptionResult]:
        """Interrupt from a task of its own; the result comes into the list."""
        results: list[InterruptionResult] = []

        async def interrupt() -> None:
            results.append(await self.control.interrupt(**kwargs))

        self.nursery.start_soon(interrupt)
        return results

    async def until_end(self) -> CallEnd:
        await self.ended.wait()
        return self.end


@asynccontextmanager
async def live_call(
    config: Config = GREETS,
    *,
    admit: Admit = admit_all,
    refuse_model: int | None = None,
    scope: trio.CancelScope | None = None,
    wrap: Callable[[trio.abc.Stream], trio.abc.Stream] = SpyStream,
    wrap_model: Callable[[trio.abc.Stream], trio.abc.Stream] = SpyStream,
    judge: VoiceJudge | None = None,
    limit_s: float = LIMIT_S,
    breaker: Breaker | None = None,
    **options: Any,
) -> AsyncIterator[LiveCall]:
    """Run a call over memory streams.  Leaving stops it, if it has not ended, and looks it over.

    ``breaker``: what other calls have found out about the model service.
    """
    ours, theirs = memory_stream_pair()
    spy = wrap(theirs)
    began_s = trio.current_time()

    with trio.fail_after(limit_s):
        async with trio.open_nursery() as nursery:

            async def connect() -> trio.abc.Stream:
                call.require_model()
                near, far = memory_stream_pair()
                nursery.start_soon(serve_model, far)
                wrapped = wrap_model(near)
                call._model_spy = wrapped
                return wrapped

            async def serve_model(far: trio.abc.Stream) -> None:
                request = await trio_websocket.wrap_server_stream(
                    nursery, far, max_message_size=2**24
                )
                if refuse_model is not None:
                    await request.reject(refuse_model, body=b"no such key")
                    await far.aclose()
                    return
                try:
                    websocket = await request.accept()
                except trio_websocket.ConnectionClosed:
                    return
                call._model = model = Model(websocket, began_s)
                call.models.append(model)
                call.model_came.set()
                await model.listen()

            def take_control(control: CallControl) -> None:
                call._control = control

            def observers(*_: Any) -> list[Notebook]:
                return [call.notebook]

            async def run() -> None:
                given = {
                    "connect": connect,
                    "services": services_by(connect, breaker),
                    "detect": SpeechByByte,
                    "checks_invariants": True,
                    "on_control": take_control,
                    "observers": observers,
                    "recorded": {},
                }
                options["tools"] = unmarked(options.get("tools", {}))
                try:
                    with call.scope:
                        call._end = await run_call(
                            spy,
                            config=config,
                            admit=admit,
                            log=call.log,
                            judge=judge,
                            options=CallOptions(**{**given, **options}),
                        )
                except Exception as crash:  # noqa: BLE001  # for the test to look at
                    call.crash = crash
                call.ended_ms = round((trio.current_time() - began_s) * 1_000)
                call.ended.set()

            call = LiveCall(None, ours, spy, nursery)  # type: ignore[arg-type]
            call.scope = scope or call.scope
            call.policy = policy_of(config, has_judge=judge is not None)
            nursery.start_soon(run)
            with trio.CancelScope() as handshake:
                nursery.start_soon(cancel_after, call.ended, handshake)
                websocket = await connect_websocket(nursery, ours)
                call.carrier = Carrier(websocket, began_s)
                nursery.start_soon(call.carrier.listen)
                nursery.start_soon(call.carrier.echo_marks)
            yield call
            if not call.ended.is_set():
                stopped_ms = call.carrier.now_ms()
                await call.carrier.stop()
                await call.ended.wait()
                assert call.carrier.now_ms() - stopped_ms <= ENDS_WITHIN_MS
            look_over(call)
            nursery.cancel_scope.cancel()


def services_by(connect: Connect, breaker: Breaker | None) -> Callable[[Config], Services] | None:
    """The service behind ``connect``, where others have found out about it, too."""
    if breaker is None:
        return None
    reaching = Reaching(connects={"realtime": connect}, breakers=(breaker,))
    return lambda config: Services(services=services_of(config, reaching))


def unmarked(tools: Mapping[str, Tool | RunTool]) -> dict[str, Tool]:
    """Mere functions as tools of which nothing is said meanwhile, and that may run twice."""
    return {
        name: tool
        if isinstance(tool, Tool)
        else Tool(run=tool, filler_after_ms=None, idempotent=True)
        for name, tool in tools.items()
    }


async def cancel_after(event: trio.Event, scope: trio.CancelScope) -> None:
    await event.wait()
    scope.cancel()


def look_over(call: LiveCall) -> None:
    """What must be true of every call that is over."""
    assert call.spy.is_closed, "the carrier's stream is open"
    assert call._model_spy is None or call._model_spy.is_closed, "the model's stream is open"
    if call.crash is None and call._end is not None:
        broken = call.notebook.noted("broken_invariant")
        assert not broken, broken
    for model in call.models:
        cancels = [m["response_id"] for m in model.of("response.cancel")]
        assert len(cancels) == len(set(cancels)), "a response was cancelled twice"
    replay = call.notebook.replay(call.policy)
    assert replay.failure is None, replay.failure
    assert not replay.differences, replay.problems()
