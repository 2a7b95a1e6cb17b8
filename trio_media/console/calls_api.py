"""Calls, live and over: the routes that only look."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final

import trio
from starlette.requests import Request
from starlette.responses import FileResponse, Response, StreamingResponse

from trio_media.console.gate import Console, json_answer, read_number
from trio_media.console.problems import Problem
from trio_media.console.views import STATES, call_fields, whole_call

LIMIT_DEFAULT: Final = 100
LIMIT_MAX: Final = 500
LINES_AT_ONCE: Final = 100  # written between two looks at the calls
PIECE_BYTES: Final = 64 * 1024


async def list_calls(console: Console, request: Request) -> Response:
    """``GET /api/calls``: the live calls of all workers, oldest first; then those that are over."""
    state = request.query_params.get("state", "all")
    if state not in (*STATES, "all"):
        raise Problem(422, f"state is one of {', '.join(STATES)}, all")
    limit = read_number(request, "limit", LIMIT_DEFAULT, LIMIT_MAX)
    live = await _live_calls(console)
    shown = [] if state == "ended" else live[:limit]
    if state != "live" and len(shown) < limit:
        without = {str(call["call_sid"]) for call in live}
        ended = await console.directory.newest(limit - len(shown), without=without)
        shown += [call_fields(view) for view in ended]
    return json_answer({"calls": shown})


async def _live_calls(console: Console) -> list[dict[str, Any]]:
    live = [call_fields(call.view()) for call in console.feed.calls.values()]
    if console.siblings is not None:
        for answer in await console.siblings.ask(f"/api/calls?state=live&limit={LIMIT_MAX}"):
            live += answer["calls"]
    return sorted(live, key=lambda call: str(call["started_at"]))


async def show_call(console: Console, request: Request) -> Response:
    """``GET /api/calls/{call_sid}``."""
    call_sid = request.path_params["call_sid"]
    live = console.feed.find(call_sid)
    if live is not None:
        return json_answer(whole_call(live.view(), live.detail()))
    ended = await console.directory.find(call_sid)
    if ended is None:
        raise unknown_call()
    return json_answer(whole_call(*ended))


async def show_log(console: Console, request: Request) -> Response:
    """``GET /api/calls/{call_sid}/log``."""
    call_sid = request.path_params["call_sid"]
    live = console.feed.find(call_sid)
    if live is not None and live.keeps_lines:
        return _lines_answer(_in_pieces(live.log_lines()))
    path = await console.directory.file(call_sid, "jsonl")
    if path is None:
        raise unknown_call() if live is None else Problem(404, "nothing was written yet")
    return _lines_answer(_file_pieces(path))


async def show_recording(console: Console, request: Request) -> Response:
    """``GET /api/calls/{call_sid}/recording``: once the call is over, for its head is last."""
    call_sid = request.path_params["call_sid"]
    if console.feed.find(call_sid) is not None:
        raise Problem(404, "the recording is there when the call is over")
    path = await console.directory.file(call_sid, "wav")
    if path is None:
        raise unknown_call()
    return FileResponse(path, media_type="audio/wav")


async def forget_call(console: Console, request: Request) -> Response:
    """``DELETE /api/calls/{call_sid}``: nothing that was kept of it stays."""
    call_sid = request.path_params["call_sid"]
    if any(call["call_sid"] == call_sid for call in await _live_calls(console)):
        raise Problem(409, "the call is not over")
    deleted = await console.directory.forget(call_sid)
    if deleted.failures:
        raise Problem(500, f"not all of it could be deleted: {'; '.join(deleted.failures)}")
    if not deleted.files:
        raise unknown_call()
    return Response(status_code=204)


def unknown_call() -> Problem:
    """Give the problem of whoever asks for what is not there."""
    return Problem(404, "nothing of such a call is known")


def _lines_answer(pieces: AsyncIterator[bytes]) -> Response:
    return StreamingResponse(pieces, media_type="application/x-ndjson")


async def _in_pieces(lines: Iterable[bytes]) -> AsyncIterator[bytes]:
    """Write lines some at a time: the calls of this process go on between."""
    left: Iterator[bytes] = iter(lines)
    while piece := b"".join(line for _, line in zip(range(LINES_AT_ONCE), left, strict=False)):
        yield piece
        await trio.lowlevel.checkpoint()


async def _file_pieces(path: Path) -> AsyncIterator[bytes]:
    """Read a file as far as it went when it was opened, and no half line."""
    opened: BinaryIO = await trio.to_thread.run_sync(lambda: path.open("rb"))
    try:
        size_bytes = await trio.to_thread.run_sync(lambda: path.stat().st_size)
        while size_bytes > 0:
            piece = await trio.to_thread.run_sync(opened.read, min(PIECE_BYTES, size_bytes))
            if not piece:
                return
            size_bytes -= len(piece)
            yield piece
    finally:
        opened.close()
