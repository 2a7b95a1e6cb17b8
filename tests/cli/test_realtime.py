"""The built-in model as a server of its own, failing as it is told to."""

from __future__ import annotations

import re
import signal
import subprocess
import sys

import pytest
import trio

from trio_media.__main__ import run

UPGRADE = (
    b"GET /v1/realtime HTTP/1.1\r\nHost: model\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


async def answer_of(port: int) -> bytes:
    async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
        await stream.send_all(UPGRADE)
        return bytes(await stream.receive_some(4_096))


async def test_faults_come_in_turn_and_then_the_model_answers() -> None:
    faults = ("refuse:status=429,retry_after_s=2", "refuse:status=503")
    flags = [part for fault in faults for part in ("--fault", fault)]
    command = [sys.executable, "-m", "trio_media", "realtime", "--port", "0", *flags]
    with trio.fail_after(60):
        process = await trio.lowlevel.open_process(command, stdout=subprocess.PIPE)
        assert process.stdout is not None
        async with process.stdout:
            line = await process.stdout.receive_some(200)
            found = re.search(rb":(\d+)/", line)
            assert found is not None, line
            answers = [await answer_of(int(found[1])) for _ in range(3)]
            process.send_signal(signal.SIGTERM)
            assert await process.wait() == 0
    assert [answer.split(b" ", 2)[1] for answer in answers] == [b"429", b"503", b"101"]
    assert b"retry-after: 2" in answers[0].lower()


def test_a_fault_that_makes_no_sense_is_one_clear_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["realtime", "--fault", "drop:after_s=soon"]) == 2
    error = capsys.readouterr().err
    assert error == "trio-media: fault 'drop:after_s=soon': after_s is no number: 'soon'\n"
