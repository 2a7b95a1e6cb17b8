"""A call as the server runs it: kept, and seen by whoever else wants to see it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import attrs
import pytest
import trio

from trio_media.call.record import CallEnd
from trio_media.call.run import CallOptions
from trio_media.config import Config, LogConfig, RecordingConfig
from trio_media.server import kept_call
from trio_media.telephony.events import MediaStreamStarted

STARTED = MediaStreamStarted(stream_sid="MZ1", call_sid="CA1", account_sid="AC1")


@attrs.define
class Clock:
    """Stands for the line of a call, which knows what is kept of it."""

    recording: RecordingConfig
    resumed_from: str = ""

    def now_ms(self) -> int:
        return 0


async def observed(
    config: Config, monkeypatch: pytest.MonkeyPatch, recording: RecordingConfig | None = None
) -> list[object]:
    """The observers that a call is given, with one of the caller's own.

    ``recording``: what is kept of this call, where that is not what is configured.
    """
    seen: list[object] = []
    ours = object()

    async def run_call(stream: object, *, options: CallOptions, **_: object) -> CallEnd:
        assert options.observers is not None
        assert options.checks_invariants is (config.log.level == "debug")
        clock = Clock(config.recording if recording is None else recording)
        async with trio.open_nursery() as nursery:
            seen.extend(options.observers(STARTED, clock, nursery))  # type: ignore[arg-type]
            nursery.cancel_scope.cancel()
        return CallEnd(call_sid="CA1", reason="caller_hung_up", duration_ms=1)

    def also(*_: object) -> Sequence[object]:
        return [ours]

    monkeypatch.setattr(kept_call, "run_call", run_call)
    stream, _ = trio.testing.memory_stream_pair()
    await kept_call.run_kept_call(
        stream,
        config=config,
        admit=lambda started: None,
        log=logging.getLogger("test"),
        options=CallOptions(observers=also),  # type: ignore[arg-type]
    )
    assert seen[-1] is ours
    return seen


async def test_a_call_is_kept_when_a_directory_is_configured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = Config(recording=RecordingConfig(dir=str(tmp_path), audio=False))
    with trio.fail_after(10):
        assert len(await observed(config, monkeypatch)) == 2
    assert (tmp_path / "CA1.jsonl").exists()


async def test_every_promise_is_checked_when_the_operator_debugs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with trio.fail_after(10):
        await observed(Config(log=LogConfig(level="debug")), monkeypatch)


async def test_a_call_is_not_kept_when_none_is(monkeypatch: pytest.MonkeyPatch) -> None:
    with trio.fail_after(10):
        assert len(await observed(Config(), monkeypatch)) == 1


async def test_a_call_is_not_kept_when_it_is_decided_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = Config(recording=RecordingConfig(dir=str(tmp_path)))
    with trio.fail_after(10):
        assert len(await observed(config, monkeypatch, RecordingConfig())) == 1
    assert list(tmp_path.iterdir()) == []
