"""One call from the command line: play a file or a microphone, keep what was heard, tell."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Final

import attrs
import trio
from rich.console import Console
from rich.table import Table

from trio_media.audio.g711 import SAMPLE_RATE_HZ, decode_mulaw, encode_mulaw
from trio_media.audio.resample import resample
from trio_media.audio.wav import read_wav, write_wav
from trio_media.errors import ConfigError
from trio_media.phone.connection import split_url
from trio_media.phone.interrupt import hang_up_on_signals
from trio_media.phone.microphone import open_microphone
from trio_media.phone.options import CALL_S_MAX, CallOptions
from trio_media.phone.record import CallEnd, CallRecord
from trio_media.phone.route import SERVER_SCHEMES, Access, call_server
from trio_media.phone.script import CallerScript, CallerVoice, HangUp, Say, Wait
from trio_media.phone.wire import new_identity

STAY_S: Final = 10.0  # after the caller's last word: long enough for an answer
LEAD_IN_MS: Final = 300  # nobody speaks in the very moment in which the call is taken


@attrs.frozen
class CallOutcome:
    """How `make_call` ended."""

    record: CallRecord
    was_interrupted: bool

    @property
    def exit_code(self) -> int:
        """130 interrupted, 1 the call went wrong, 0 otherwise."""
        if self.was_interrupted:
            return 130
        return 1 if self.record.has_failed else 0


async def make_call(
    url: str,
    *,
    audio: Path | None = None,
    out: Path | None = None,
    seconds: float | None = None,
    microphone: bool = False,
    access: Access | None = None,
    console: Console | None = None,
) -> CallOutcome:
    """Call ``url``, be the caller, print a summary.

    ``audio`` is played once, then the caller stays for ``seconds`` (10 by default; with a
    microphone, until somebody hangs up).  What was heard goes to ``out`` as WAV.  Ctrl-C hangs up.

    Raises `ConfigError` for a URL, a file or a device that is wrong.
    """
    console = console or Console()
    if microphone and audio is not None:
        raise ConfigError("the caller is either a file or the microphone, not both")
    if out is not None:
        await require_folder(out)
    split_url(url, SERVER_SCHEMES)  # here: a nursery would wrap the error in a group
    stay_s = seconds if seconds is not None else STAY_S
    hang_up = trio.Event()
    with contextlib.ExitStack() as stack:
        voice: CallerScript | CallerVoice
        if microphone:
            device = stack.enter_context(open_microphone())
            limit_s = seconds if seconds is not None else CALL_S_MAX
            voice, options = device, CallOptions(hang_up_after_s=limit_s, listener=device.hear)
        else:
            voice, options = await caller_script(audio, stay_s), CallOptions()
        record = await _call(url, voice, access or Access(), options, hang_up)
    if out is not None and record.heard_audio:
        samples = decode_mulaw(record.heard_audio)
        await trio.to_thread.run_sync(write_wav, out, samples, SAMPLE_RATE_HZ)
    console.print(summary_table(record))
    return CallOutcome(record, was_interrupted=hang_up.is_set())


async def require_folder(path: Path) -> None:
    """Raise `ConfigError` unless ``path`` can be made: better before a call than after it."""
    absolute = await trio.Path(path).absolute()
    if not await absolute.parent.is_dir():
        raise ConfigError(f"{path}: no such folder")


async def caller_script(audio: Path | None, stay_s: float) -> CallerScript:
    """Return the part of a caller who plays a WAV file, waits and hangs up.

    Raises `ConfigError` for a file that cannot be read.
    """
    speech: tuple[Wait | Say, ...] = ()
    if audio is not None:
        speech = (Wait(LEAD_IN_MS), Say(await trio.to_thread.run_sync(_mulaw_of, audio)))
    return CallerScript((*speech, Wait(round(stay_s * 1_000)), HangUp()))


def summary_table(record: CallRecord) -> Table:
    """Return what a person wants to know of a call."""
    table = Table(show_header=False, box=None)
    detail = f": {record.detail}" if record.detail else ""
    table.add_row("ended", record.ended_by.value + detail)
    table.add_row("connected in", f"{record.connect_ms:.0f} ms")
    table.add_row("lasted", f"{record.duration_ms / 1_000:.1f} s")
    first = record.first_audible_ms
    table.add_row("first heard after", "nothing was heard" if first is None else f"{first:.0f} ms")
    received_s = record.media_received_bytes / SAMPLE_RATE_HZ
    table.add_row("audio received", f"{received_s:.1f} s in {record.media_received} messages")
    table.add_row("clears", str(len(record.clears_ms)))
    cleared = sum(mark.was_cleared for mark in record.marks)
    table.add_row("marks echoed", f"{len(record.marks)}, {cleared} of them cleared")
    for violation in record.violations[:5]:
        table.add_row("broke the protocol", violation)
    return table


async def _call(
    url: str,
    voice: CallerScript | CallerVoice,
    access: Access,
    options: CallOptions,
    hang_up: trio.Event,
) -> CallRecord:
    """Hold the call under the signals and return its record."""
    identity = new_identity(account_sid=access.account_sid)
    options = attrs.evolve(options, identity=identity)
    # Replaced below, unless a second signal cuts the call.
    record = CallRecord(identity=identity, ended_by=CallEnd.VANISHED, detail="interrupted twice")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(hang_up_on_signals, hang_up, nursery.cancel_scope)
        record = await call_server(
            url, script=voice, access=access, options=options, hang_up=hang_up
        )
        nursery.cancel_scope.cancel()
    return record


def _mulaw_of(path: Path) -> bytes:
    audio = read_wav(path)
    return encode_mulaw(resample(audio.samples, audio.sample_rate_hz, SAMPLE_RATE_HZ))
