"""Plays the demo: the server with the built-in model, and a phone with a caller who interrupts."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import attrs
import trio
from rich.console import Console

from trio_media.call.line import Line
from trio_media.call.listening import VoiceJudge
from trio_media.call.record import CallEnd, CallObserver
from trio_media.call.run import Admit, CallOptions, Log
from trio_media.config import (
    AgentConfig,
    Config,
    RealtimeConfig,
    RecordingConfig,
    ServerConfig,
    TwilioConfig,
)
from trio_media.demo.story import Story
from trio_media.demo.verdict import Check, judge, judge_log
from trio_media.embedded import ModelBehaviour, serve_model
from trio_media.phone import (
    CallerScript,
    CallRecord,
    HangUp,
    Say,
    Wait,
    WaitForSpeech,
    call_server,
)
from trio_media.phone.options import CallOptions as PhoneOptions
from trio_media.phone.route import Access
from trio_media.recording.timeline import draw_timeline
from trio_media.replay import replay_log
from trio_media.server.kept_call import run_kept_call
from trio_media.server.listening import bind_socket
from trio_media.server.serving import serve
from trio_media.telephony.events import MediaStreamStarted

DEMO_S_MAX: Final = 60.0  # the call takes half of it; longer means that something hangs
# An answer is generated in seven seconds: the first interruption comes well before, the second well
# after its end, however busy the machine is.
BEHAVIOUR: Final = ModelBehaviour(burst_factor=5.0)
GREETING: Final = "Hello, I can count for you."
SCRIPT: Final = CallerScript(
    (
        WaitForSpeech(audible_ms=4_000),
        Say("hold_on"),  # in mid-sentence, while the model still generates
        WaitForSpeech(audible_ms=3_000),
        Say("cough"),
        Wait(for_ms=500),
        WaitForSpeech(audible_ms=5_000),
        Say("one_moment"),  # long after generation is over
        WaitForSpeech(audible_ms=3_000),
        HangUp(),
    )
)


async def run_demo(out: Path) -> bool:
    """Hold the call, leave its traces in ``out``, and return whether every promise held."""
    console = Console(highlight=False)
    story = Story(console)
    await trio.Path(out).mkdir(parents=True, exist_ok=True)
    console.print("A call to the built-in model, over real sockets.  It takes half a minute.\n")
    record: CallRecord | None = None
    with trio.move_on_after(DEMO_S_MAX):
        record = await _hold_call(out, story)
    if record is None:
        console.print(f"\n[bold red]The call did not end within {DEMO_S_MAX:g} s.[/]")
        return False
    log_path = out / f"{record.identity.call_sid}.jsonl"
    picture = out / "timeline.png"
    await trio.to_thread.run_sync(draw_timeline, log_path, picture)
    replay = await trio.to_thread.run_sync(replay_log, log_path)
    checks = [*judge(story, record), judge_log(replay)]
    _tell(console, checks, out, record, picture)
    return all(check.is_kept for check in checks)


async def _hold_call(out: Path, story: Story) -> CallRecord:
    """Serve the model and the calls, and place the one call."""
    records: list[CallRecord] = []
    never, no_signals = trio.open_memory_channel[int](0)
    async with never, trio.open_nursery() as nursery:
        port: int = await nursery.start(
            functools.partial(serve_model, host="127.0.0.1", port=0, behaviour=BEHAVIOUR)
        )
        config = _config(out, port)
        ended = trio.Event()
        bound = bind_socket(config.server.host, 0)
        url: str = await nursery.start(
            functools.partial(
                serve,
                config,
                bound=bound,
                run_call=functools.partial(_run_told_call, story=story, ended=ended),
                signals=no_signals,
            )
        )
        records.append(
            await call_server(
                f"{url}/twilio/voice", script=SCRIPT, access=Access(), options=PhoneOptions()
            )
        )
        await ended.wait()
        nursery.cancel_scope.cancel()
    return records[0]


def _config(out: Path, model_port: int) -> Config:
    return Config(
        server=ServerConfig(port=0),
        twilio=TwilioConfig(validate_signature=False),
        realtime=RealtimeConfig(
            provider="openai", url=f"ws://127.0.0.1:{model_port}/v1/realtime", api_key="none"
        ),
        agent=AgentConfig(greeting=GREETING),
        recording=RecordingConfig(dir=str(out)),
    )


async def _run_told_call(
    carrier_stream: trio.abc.Stream,
    *,
    config: Config,
    admit: Admit,
    log: Log,
    judge: VoiceJudge | None,
    options: CallOptions | None,
    story: Story,
    ended: trio.Event,
) -> CallEnd:
    """Run the call with the story as an observer, checking every promise."""

    def observers(
        started: MediaStreamStarted, line: Line, nursery: trio.Nursery
    ) -> Sequence[CallObserver]:
        return [story]

    told = attrs.evolve(options or CallOptions(), observers=observers, checks_invariants=True)
    try:
        return await run_kept_call(
            carrier_stream, config=config, admit=admit, log=log, judge=judge, options=told
        )
    finally:
        ended.set()


def _tell(
    console: Console, checks: Sequence[Check], out: Path, record: CallRecord, picture: Path
) -> None:
    console.print()
    for check in checks:
        mark = "[green]kept[/]  " if check.is_kept else "[bold red]BROKEN[/]"
        detail = f" ({check.detail})" if check.detail else ""
        console.print(f"  {mark} {check.what}{detail}", soft_wrap=True)
    sid = record.identity.call_sid
    console.print(f"\n{out}/")
    for name, what in (
        (f"{sid}.wav", "left the caller, right what the caller heard"),
        (f"{sid}.jsonl", "every event and command, in the order of deciding"),
        (f"{sid}.json", "the summary"),
        (picture.name, "the call at a glance"),
    ):
        console.print(f"  {name:<42} {what}", soft_wrap=True)
