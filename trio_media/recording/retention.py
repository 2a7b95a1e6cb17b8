"""What is kept of calls for too long, or is to be forgotten, is deleted.

Rule 1: only files of calls are: a summary that says whose it is, and what has its name.
Rule 2: a call is as old as the newest of its files.  One that goes on is new: its summary is
        written every second.
Rule 3: a file that cannot be deleted stays, and is tried again the next time.

Everything here blocks: it is for threads.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import attrs
import msgspec

ENDS: Final = ("wav", "jsonl", "json")
"""The summary is last: by it the rest is found again when something could not be deleted."""
NAMES_MAX: Final = 1_000_000  # of a folder that are looked at
HEAD_BYTES_MAX: Final = 32 << 20
DAY_S: Final = 86_400
_NAME: Final = re.compile(r"(?P<call_sid>[A-Za-z0-9_-]{1,64}?)(?:-[0-9]{1,3})?\.json")


class _Head(msgspec.Struct):
    """What a summary says of itself."""

    summary_version: int
    call_sid: str


@attrs.define
class Deleted:
    """What was deleted."""

    calls: int = 0
    files: int = 0
    failures: list[str] = attrs.field(factory=list)
    """Files that could not be, and why."""


def delete_old(folder: Path, *, before_unix_s: float, is_live: Callable[[str], bool]) -> Deleted:
    """Delete the calls of which nothing was written since ``before_unix_s``.

    ``is_live``: whether a call, by its sid, goes on here.  A folder that is not there has none.
    """
    deleted = Deleted()
    for name in list(_names(folder)):
        files = _files(folder, name)
        if max(map(_changed_s, files), default=before_unix_s) >= before_unix_s:
            continue
        call_sid = _whose(folder / f"{name}.json", name)
        if call_sid is not None and not is_live(call_sid):
            _delete(files, deleted)
    return deleted


def delete_call(folder: Path, names: list[str]) -> Deleted:
    """Delete everything of one call, by the names of its media streams."""
    deleted = Deleted()
    for name in names:
        _delete(_files(folder, name), deleted)
    return deleted


def _names(folder: Path) -> Iterator[str]:
    try:
        with os.scandir(folder) as entries:
            for entry, _ in zip(entries, range(NAMES_MAX), strict=False):
                if _NAME.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                    yield entry.name.removesuffix(".json")
    except FileNotFoundError:
        return


def _files(folder: Path, name: str) -> list[Path]:
    paths = [folder / f"{name}.{end}" for end in ENDS]
    part = folder / f".{name}.json.part"  # of a summary that was being replaced
    return [path for path in (part, *paths) if path.is_file()]


def _changed_s(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0  # another worker was faster


def _whose(path: Path, name: str) -> str | None:
    """Give the call that a summary is of; None: it is none of ours."""
    try:
        if path.stat().st_size > HEAD_BYTES_MAX:
            return None
        head = msgspec.json.decode(path.read_bytes(), type=_Head)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return None
    rest = name.removeprefix(head.call_sid)
    is_ours = name.startswith(head.call_sid) and re.fullmatch(r"(-[0-9]{1,3})?", rest)
    return head.call_sid if is_ours else None


def _delete(files: list[Path], deleted: Deleted) -> None:
    failed = False
    for path in files:
        try:
            path.unlink(missing_ok=True)
            deleted.files += 1
        except OSError as wrong:
            failed = True
            deleted.failures.append(f"{path.name}: {wrong.strerror}")
    deleted.calls += bool(files) and not failed
