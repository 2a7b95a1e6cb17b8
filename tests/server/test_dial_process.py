"""``trio-media dial`` as a process, against a simulated carrier at ``twilio.rest_url``."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio

from trio_media.config import Config, TwilioConfig
from trio_media.errors import ConfigError
from trio_media.server import dial_process
from trio_media.server.dial_process import run_dial
from trio_media.server.dialing import CallToPlace, DialedCall
from trio_media.testing.carrier import (
    Busy,
    CallbackFaults,
    CallScript,
    CarrierStandIn,
    NoAnswer,
    RestFault,
    Unreachable,
    open_carrier,
)

from .world import BRIEF, FROM, TO, Kept, ModelPlace

LIMIT_S = 60.0
AGENT = """
from trio_media import Agent, Call
agent = Agent(greeting="")
talker = Agent(greeting="Hello.")

@agent.on_start
async def end(call: Call) -> None:
    await call.hang_up(say="Goodbye.", if_interrupted="hang_up")
"""


@attrs.define(eq=False)
class Process:
    """One run of the command."""

    carrier: CarrierStandIn
    process: trio.Process
    lines: Kept[str] = attrs.field(factory=Kept)
    """On standard output."""
    said: bytes = b""
    """On standard error."""
    over: trio.Event = attrs.field(factory=trio.Event)

    async def exit_code(self) -> int:
        code = await self.process.wait()
        await self.over.wait()
        return code

    def told(self) -> list[str]:
        """What was told of the call, without its number."""
        return [line.removeprefix(f"{TO}: ") for line in self.lines]


async def _read(process: Process) -> None:
    out, err = process.process.stdout, process.process.stderr
    assert out is not None
    assert err is not None
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_read_said, process, err)
        left = b""
        async for piece in out:
            *lines, left = (left + piece).split(b"\n")
            for line in lines:
                process.lines.append(line.decode())
    process.over.set()


async def _read_said(process: Process, err: trio.abc.ReceiveStream) -> None:
    async for piece in err:
        process.said += piece


@asynccontextmanager
async def dialing(
    folder: Path,
    agent: str = "bookings:agent",
    *options: str,
    script: CallScript | None = None,
    prepare: Callable[[CarrierStandIn], None] = lambda carrier: None,
) -> AsyncIterator[Process]:
    """Run the command in a folder; it is killed at the end of the block."""
    (folder / "bookings.py").write_text(AGENT, encoding="utf-8")
    model = ModelPlace(BRIEF)
    with trio.fail_after(LIMIT_S):
        async with (
            open_carrier(otherwise=script) as carrier,
            trio.open_nursery() as nursery,
        ):
            await nursery.start(model.serve)
            prepare(carrier)
            environ = {
                **os.environ,
                "TRIO_MEDIA_TWILIO_ACCOUNT_SID": carrier.twilio.account_sid,
                "TRIO_MEDIA_TWILIO_AUTH_TOKEN": carrier.twilio.auth_token,
                "TRIO_MEDIA_TWILIO_REST_URL": carrier.rest_url,
                "TRIO_MEDIA_TWILIO_FROM_NUMBER": FROM,
                "TRIO_MEDIA_REALTIME_PROVIDER": "openai",
                "TRIO_MEDIA_REALTIME_API_KEY": "sk-unused",
                "TRIO_MEDIA_REALTIME_URL": f"ws://127.0.0.1:{model.port}/v1/realtime",
            }
            command = ["-m", "trio_media", "dial", TO, agent, "--port", "0", *options]
            started = partial(
                trio.lowlevel.open_process,
                [sys.executable, *command],
                cwd=folder,
                env=environ,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
            process = Process(carrier, await started())
            try:
                nursery.start_soon(_read, process)
                yield process
            finally:
                if process.process.returncode is None:
                    process.process.kill()
            nursery.cancel_scope.cancel()


def updates(process: Process) -> list[str]:
    """What the carrier was asked to do with the call."""
    asked = [one for one in process.carrier.requests if one.method == "POST"]
    return [one.first("Status") for one in asked[1:]]


async def test_a_call_that_the_agent_ends_is_done(tmp_path: Path) -> None:
    async with dialing(tmp_path, "bookings:agent", "--parameter", "name=Ada") as process:
        assert await process.exit_code() == 0, process.said
        (call,) = process.carrier.calls
        placed, *statuses = process.told()
        assert placed == f"call {call.call_sid} is placed"
        assert statuses[-1] == "completed"
        assert len(set(statuses)) == len(statuses)
        assert updates(process) == ["completed"]
        assert call.heard_ms > 200
        assert call.from_ == FROM
        assert call.problems == []
        assert b"Traceback" not in process.said


@pytest.mark.parametrize(
    ("callee", "status"),
    [(Busy(), "busy"), (NoAnswer(), "no-answer"), (Unreachable(), "failed")],
)
async def test_nobody_answers(callee: Any, status: str, tmp_path: Path) -> None:
    async with dialing(tmp_path, script=CallScript(callee=callee)) as process:
        assert await process.exit_code() == 1, process.said
        assert process.told()[-1] == status
        assert updates(process) == []


async def test_lost_callbacks_end_nothing_but_patience(tmp_path: Path) -> None:
    script = CallScript(callee=Busy(), callbacks=CallbackFaults(copies=0))
    async with dialing(tmp_path, script=script) as process:
        assert await process.exit_code() == 1, process.said
        assert process.told()[-1] == "busy"


async def test_a_carrier_that_takes_no_call_is_one_line(tmp_path: Path) -> None:
    def refuse(carrier: CarrierStandIn) -> None:
        carrier.fail_next(RestFault.TOO_MANY, retry_after_s=60)

    async with dialing(tmp_path, prepare=refuse) as process:
        assert await process.exit_code() == 1
        (line,) = process.told()
        assert "429" in line
        assert b"Traceback" not in process.said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_phone_that_rings_is_taken_back(number: int, tmp_path: Path) -> None:
    async with dialing(tmp_path, script=CallScript(ring_s=60)) as process:
        call = await process.carrier.nth_call(0, timeout_s=30)
        await call.until(lambda call: bool(call.callbacks()))
        process.process.send_signal(number)
        code = await process.exit_code()
        assert code == (130 if number == signal.SIGINT else 1), process.said
        assert updates(process) == ["completed"]
        assert call.status == "canceled"
        assert b"Traceback" not in process.said


async def test_an_answered_call_is_ended_at_the_carrier_by_ctrl_c(tmp_path: Path) -> None:
    async with dialing(tmp_path, "bookings:talker") as process:
        call = await process.carrier.nth_call(0, timeout_s=30)
        await call.until(lambda call: call.heard_ms > 0, timeout_s=30)
        process.process.send_signal(signal.SIGINT)
        assert await process.exit_code() == 130, process.said
        assert updates(process) == ["completed"]
        assert call.status == "completed"
        assert b"Traceback" not in process.said


async def test_an_answered_call_comes_to_its_end_while_the_process_drains(tmp_path: Path) -> None:
    async with dialing(tmp_path, "bookings:talker") as process:
        call = await process.carrier.nth_call(0, timeout_s=30)
        await call.until(lambda call: call.heard_ms > 0, timeout_s=30)
        while "in-progress" not in process.told():
            await process.lines.until(len(process.lines) + 1)
        process.process.send_signal(signal.SIGTERM)
        before_ms = len(call.heard) // 8
        await call.until(lambda call: len(call.heard) // 8 > before_ms + 400)
        assert not call.is_over
        call.hang_up()
        assert await process.exit_code() == 0, process.said
        assert updates(process) == []
        assert process.told()[-1] == "completed"


async def test_a_second_signal_ends_a_call_that_drains(tmp_path: Path) -> None:
    async with dialing(tmp_path, "bookings:talker") as process:
        call = await process.carrier.nth_call(0, timeout_s=30)
        await call.until(lambda call: call.heard_ms > 0, timeout_s=30)
        while "in-progress" not in process.told():
            await process.lines.until(len(process.lines) + 1)
        process.process.send_signal(signal.SIGTERM)
        before_ms = len(call.heard) // 8
        await call.until(lambda call: len(call.heard) // 8 > before_ms + 400)
        process.process.send_signal(signal.SIGTERM)
        await process.exit_code()
        assert updates(process) == ["completed"]


# --- what is wrong before anything begins ------------------------------------------------------


async def no_call(*_: Any, **__: Any) -> Any:
    raise AssertionError


ACCOUNT = TwilioConfig(
    account_sid="AC1", auth_token="t", from_number=FROM, rest_url="http://127.0.0.1:9"
)


@pytest.mark.parametrize(
    ("changes", "call", "part"),
    [
        ({"account_sid": ""}, {}, "twilio.account_sid"),
        ({"auth_token": ""}, {}, "twilio.auth_token"),
        ({"from_number": ""}, {}, "twilio.from_number"),
        ({"rest_url": "https://api.twilio.com"}, {}, "server.public_url"),
        ({}, {"to": "555"}, "8 to 15 digits"),
        ({}, {"from_": "Ada"}, "From"),
        ({}, {"parameters": {"token": "x"}}, "token"),
    ],
)
def test_what_cannot_be_placed_is_said_before_anything_is_started(
    changes: dict[str, Any], call: dict[str, Any], part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dial_process.trio, "run", no_call)
    twilio = attrs.evolve(ACCOUNT, **changes)
    config = Config(server=attrs.evolve(Config().server, port=0), twilio=twilio)
    placed = CallToPlace(**{"to": TO, **call})
    with pytest.raises(ConfigError, match=part):
        run_dial(config, placed, agent=None, run_call=no_call, tell=print)


async def test_every_status_is_told_also_when_it_ended_before_anyone_looked() -> None:
    lines: list[str] = []
    send, _ = trio.open_memory_channel[int](1)
    placing = dial_process._Placing(CallToPlace(to=TO), lines.append, send)
    dialed = DialedCall("d1", placing.call)
    dialed.heard("CA1", "ringing")
    dialed.heard("CA1", "busy")
    with trio.fail_after(5):
        await dial_process._tell_progress(placing, dialed)
    assert lines == [f"{TO}: busy"]
