"""One call, as from the command line."""

from __future__ import annotations

import io
import json
import os
import signal
from pathlib import Path

import numpy as np
import pytest
import trio
from rich.console import Console
from trio_websocket import ConnectionClosed, WebSocketRequest, serve_websocket

from trio_media.audio.wav import read_wav, write_wav
from trio_media.errors import ConfigError
from trio_media.phone.make_call import caller_script, make_call
from trio_media.phone.record import CallEnd
from trio_media.phone.script import HangUp, Say, Wait


async def echo(request: WebSocketRequest) -> None:
    """Say back what is said."""
    ws = await request.accept()
    try:
        while True:
            message = json.loads(await ws.get_message())
            if message["event"] == "media":
                media = {"payload": message["media"]["payload"]}
                sid = message["streamSid"]
                await ws.send_message(
                    json.dumps({"event": "media", "streamSid": sid, "media": media})
                )
    except ConnectionClosed:
        return


async def test_a_file_is_played_and_what_was_heard_is_kept(tmp_path: Path) -> None:
    tone = 8_000 * np.sin(2 * np.pi * 440 * np.arange(22_050 // 2) / 22_050)
    write_wav(tmp_path / "in.wav", np.rint(tone).astype(np.int16), 22_050)
    text = io.StringIO()
    with trio.fail_after(15):
        async with trio.open_nursery() as nursery:
            server = await nursery.start(serve_websocket, echo, "127.0.0.1", 0, None)
            outcome = await make_call(
                f"ws://127.0.0.1:{server.port}/",
                audio=tmp_path / "in.wav",
                out=tmp_path / "out.wav",
                seconds=0.2,
                console=Console(file=text, width=200),
            )
            nursery.cancel_scope.cancel()
    assert outcome.exit_code == 0
    heard = read_wav(tmp_path / "out.wav")
    assert heard.sample_rate_hz == 8_000
    # 300 ms before the caller speaks, 500 ms of tone, 200 ms after it.
    assert 1_000 <= heard.duration_ms <= 1_100
    loud = np.flatnonzero(np.abs(heard.samples.astype(int)) > 1_000)
    assert 3_900 <= loud[-1] - loud[0] <= 4_100 + 400
    spectrum = np.abs(np.fft.rfft(heard.samples[loud[0] : loud[0] + 4_000]))
    assert abs(int(spectrum.argmax()) * 2 - 440) <= 4
    printed = text.getvalue()
    assert "the caller hung up" in printed
    assert "first heard after" in printed


async def test_ctrl_c_hangs_up() -> None:
    with trio.fail_after(15):
        async with trio.open_nursery() as nursery:
            server = await nursery.start(serve_websocket, echo, "127.0.0.1", 0, None)

            async def interrupt() -> None:
                await trio.sleep(0.3)
                os.kill(os.getpid(), signal.SIGINT)

            nursery.start_soon(interrupt)
            outcome = await make_call(
                f"ws://127.0.0.1:{server.port}/",
                seconds=60,
                console=Console(quiet=True),
            )
            nursery.cancel_scope.cancel()
    assert outcome.record.ended_by is CallEnd.HUNG_UP
    assert outcome.record.close_code == 1000
    assert outcome.exit_code == 130


async def test_a_server_that_is_not_there_is_a_failure() -> None:
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    url = f"ws://127.0.0.1:{listener.socket.getsockname()[1]}/"
    await listener.aclose()
    text = io.StringIO()
    with trio.fail_after(5):
        outcome = await make_call(url, console=Console(file=text, width=200))
    assert outcome.exit_code == 1
    assert "could not be reached: 127.0.0.1" in text.getvalue()


async def test_what_is_wrong_is_named_before_the_call(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="URL 'x'"):
        await make_call("x")
    with pytest.raises(ConfigError, match="no such folder"):
        await make_call("ws://h/", out=tmp_path / "no" / "out.wav")
    with pytest.raises(ConfigError, match="No such file"):
        await make_call("ws://h/", audio=tmp_path / "no.wav")
    with pytest.raises(ConfigError, match="not both"):
        await make_call("ws://h/", audio=tmp_path / "no.wav", microphone=True)


async def test_a_caller_without_a_file_listens() -> None:
    assert (await caller_script(None, 3.0)).actions == (Wait(3_000), HangUp())


async def test_a_file_is_converted_to_the_telephones_rate(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", np.zeros(48_000, dtype=np.int16), 48_000)
    actions = (await caller_script(tmp_path / "a.wav", 1.0)).actions
    assert actions[1] == Say(b"\xff" * 8_000)
