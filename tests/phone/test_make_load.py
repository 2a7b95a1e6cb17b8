"""A load, as from the command line."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
import trio
from rich.console import Console
from trio_websocket import WebSocketRequest, serve_websocket

from trio_media.errors import ConfigError
from trio_media.phone.make_load import make_load


async def refuse(request: WebSocketRequest) -> None:
    await request.reject(403)


async def test_the_report_is_printed_and_written(tmp_path: Path) -> None:
    text, plain = io.StringIO(), io.StringIO()
    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            server = await nursery.start(serve_websocket, refuse, "127.0.0.1", 0, None)
            url = f"ws://127.0.0.1:{server.port}/"
            report = await make_load(
                url,
                calls=2,
                seconds=1,
                json_out=tmp_path / "load.json",
                console=Console(file=text, width=120),
            )
            await make_load(
                url, calls=1, seconds=1, json_out=Path("-"), console=Console(file=plain, width=40)
            )
            nursery.cancel_scope.cancel()
    assert report.exit_code == 1
    assert "onset to clear" in text.getvalue()
    assert "failed: the far end refused the call" in text.getvalue()
    assert json.loads((tmp_path / "load.json").read_text())["counts"]["calls refused"] == 2
    assert json.loads(plain.getvalue())["counts"]["calls refused"] == 1


async def test_what_is_wrong_is_named_without_a_group(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="URL 'x'"):
        await make_load("x", calls=1, seconds=1)
    with pytest.raises(ConfigError, match="no such folder"):
        await make_load("ws://h/", calls=1, seconds=1, json_out=tmp_path / "no" / "x.json")
