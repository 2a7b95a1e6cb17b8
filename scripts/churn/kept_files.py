"""What was kept of calls that are over: whole, or what is wrong with it."""

from __future__ import annotations

import json
import wave
from pathlib import Path
from typing import Final

from trio_media.errors import LogUnreadable
from trio_media.recording.log_format import CALL_ENDED, Note, read_log

ENDS: Final = ("json", "jsonl", "wav")


def check_kept(folder: Path, calls: int) -> list[str]:
    """Check the files of so many calls that are over; say what is wrong.  Raises OSError."""
    names = sorted({path.name.partition(".")[0] for path in folder.glob("[!.]*")})
    wrong = [f"{path.name}: left behind" for path in folder.glob(".*")]
    if len(names) != calls:
        wrong.append(f"{calls} calls began, and {len(names)} were kept")
    for name in names:
        for end in ENDS:
            path = folder / f"{name}.{end}"
            problem = _problem(path) if path.exists() else "is not there"
            if problem:
                wrong.append(f"{path.name}: {problem}")
    return wrong


def remove_kept(folder: Path) -> None:
    """Make room for what comes.  Raises OSError."""
    for path in folder.iterdir():
        path.unlink()


def _problem(path: Path) -> str:
    try:
        match path.suffix:
            case ".json":
                return "" if json.loads(path.read_bytes())["ended"] else "it did not end"
            case ".jsonl":
                last = [line.record for line in read_log(path)]
                ended = any(isinstance(one, Note) and one.kind == CALL_ENDED for one in last)
                return "" if ended else "it does not say how the call ended"
            case _:
                with wave.open(str(path)) as recording:
                    frames = recording.getnframes()
                    content = recording.readframes(frames)
                    frame_bytes = recording.getsampwidth() * recording.getnchannels()
                return "" if len(content) == frames * frame_bytes else "it is cut off"
    except (ValueError, KeyError, EOFError, wave.Error, LogUnreadable) as error:
        return f"{type(error).__name__}: {error}"
