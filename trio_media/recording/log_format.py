"""The lines of an event log: what is written of each event and command, and how it is read again.

Rule 1: reading gives back what was written: every event, every command, in every field.
Rule 2: the first line is the header.  A format newer than this one is refused, never guessed at.
        Format 1 did not say by which decisions a call was led; it is read as `UNKNOWN_DECISIONS`.
Rule 3: one line is one JSON object with ``t_ms``, the call's monotonic time, and one of ``event``,
``command``, ``note`` or ``header``, which says what the other fields are.

Events and commands come from the decision core, in its order, so the log replays.  Notes come from
around it: transcripts, facts about the legs, whatever explains the call.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO, Final, TypeAlias, get_args

import attrs
import msgspec

from trio_media.core.commands import Command
from trio_media.core.events import Event
from trio_media.core.policy import Policy
from trio_media.core.units import FRAME_MS
from trio_media.core.version import DECISION_VERSION
from trio_media.errors import LogCutOff, LogUnreadable, evidence
from trio_media.facts import failures, usage

FORMAT_VERSION: Final = 2
UNKNOWN_DECISIONS: Final = 0  # the decision version of a log that does not tell it
LINE_BYTES_MAX: Final = 64 * 1024  # the longest transcript, several times; a log is no dump

CALLER_TEXT: Final = "caller_text"  # what the caller said in a turn: item_id, text
MODEL_TEXT: Final = "model_text"  # all that the model says in an item: item_id, text
MODEL_TEXT_DELTA: Final = "model_text_delta"  # more of what it says: item_id, text
TOOL_CALLED: Final = "tool_called"  # a tool is run: call_id, name
TOOL_ENDED: Final = "tool_ended"  # ... and is over: call_id, name, outcome, took_ms
USAGE: Final = usage.USAGE  # what a response or a transcript used, and cost
FAILURE: Final = failures.FAILURE  # what went wrong: what, detail, done
CALL_ENDED: Final = "call_ended"  # who ended the call and why: by, reason
LINES_DROPPED: Final = "lines_dropped"  # the log has a hole here: count
RECORDING_LOST: Final = "recording_lost"  # there is no recording, or none any more: reason
RECORDING_HOLES: Final = "recording_holes"  # audio found no place in the recording: ms
EVENT_LOG_LOST: Final = "event_log_lost"  # there is no log, or none any more: reason
LOSSES: Final = frozenset({RECORDING_LOST, RECORDING_HOLES, EVENT_LOG_LOST})


@cache
def _package_version() -> str:
    return importlib.metadata.version("trio_media")


@attrs.frozen(kw_only=True)
class LogHeader:
    """The first line: whose log it is, and what a replay needs besides the events."""

    call_sid: str
    stream_sid: str
    started_at: str
    """Wall time in ISO 8601; nothing else in the log is wall time."""
    policy: Policy
    parameters: Mapping[str, str] = attrs.field(factory=dict)
    """The media stream's custom parameters.  Leave out what is secret: this is written as it is."""
    package_version: str = attrs.field(factory=_package_version)
    resumed_from: str = ""
    """The media stream that the call was in before this one, and that was cut; empty: none."""
    decision_version: int = DECISION_VERSION
    """Which decisions the core made; a replay is held to them if it is its own version."""
    format_version: int = FORMAT_VERSION


@attrs.frozen
class Note:
    """Something that the decision core does not know of."""

    kind: str
    fields: Mapping[str, Any] = attrs.field(factory=dict)
    """Anything that JSON can hold, except the names that a line uses for itself."""


Record: TypeAlias = Event | Command | Note | LogHeader


@attrs.frozen
class LogLine:
    """One line, read."""

    t_ms: int
    record: Record


# A line says ``command`` of itself, so the number of a command is called otherwise.
_KEYS: Final = {"command": "command_number"}
_RESERVED: Final = frozenset({"t_ms", "event", "command", "note", "header"})
_EVENTS: Final[Mapping[str, type[Event]]] = {cls.__name__: cls for cls in get_args(Event)}
_COMMANDS: Final[Mapping[str, type[Command]]] = {cls.__name__: cls for cls in get_args(Command)}


def _keys_of(cls: type[attrs.AttrsInstance]) -> tuple[tuple[str, str], ...]:
    """Pair every field's name with its key in a line."""
    return tuple((field.name, _KEYS.get(field.name, field.name)) for field in attrs.fields(cls))


_FIELDS: Final[Mapping[type, tuple[str, tuple[tuple[str, str], ...]]]] = {
    **{cls: ("event", _keys_of(cls)) for cls in _EVENTS.values()},
    **{cls: ("command", _keys_of(cls)) for cls in _COMMANDS.values()},
    LogHeader: ("header", _keys_of(LogHeader)),
}
for _role, _pairs in _FIELDS.values():
    assert not _RESERVED & {key for _, key in _pairs}, "a field's key means something else already"
    assert len({key for _, key in _pairs}) == len(_pairs), "two fields with one key"


def _name_only(foreign: object) -> str:
    """Stand in for what JSON cannot hold.  Its own ``repr`` could be long, or fail."""
    return f"<{type(foreign).__name__}>"


_encoder: Final = msgspec.json.Encoder(enc_hook=_name_only)


def encode_line(record: Record, t_ms: int) -> bytes:
    """Give the line for a record, with its line feed.

    Raises TypeError or ValueError only for a note whose fields JSON cannot hold.
    """
    if isinstance(record, Note):
        line = {"t_ms": t_ms, "note": record.kind}
        for key, field in record.fields.items():
            line[f"{key}_" if key in _RESERVED else key] = field
    else:
        role, pairs = _FIELDS[type(record)]
        line = {"t_ms": t_ms, role: type(record).__name__}
        for name, key in pairs:
            line[key] = getattr(record, name)
    return _encoder.encode(line) + b"\n"


def decode_line(line: bytes, line_number: int = 1) -> LogLine:
    """Read one line, with or without its line feed.

    Raises `LogUnreadable`, with ``line_number``, when it is none, or none of this format.
    """
    fields = _parse(line, line_number)
    t_ms = fields.pop("t_ms", None)
    if not isinstance(t_ms, int) or isinstance(t_ms, bool):
        raise LogUnreadable(line_number, f"t_ms must be an integer, not {t_ms!r:.80}")
    roles = sorted(_RESERVED & fields.keys())
    if len(roles) != 1:
        raise LogUnreadable(
            line_number, f"needs one of event, command, note and header, and has {roles}"
        )
    role = roles[0]
    name = fields.pop(role)
    if not isinstance(name, str):
        raise LogUnreadable(line_number, f"{role} must be a name, not {name!r:.80}")
    if role == "note":
        return LogLine(t_ms, Note(name, fields))
    return LogLine(t_ms, _decode_record(role, name, fields, line_number))


def _parse(line: bytes, line_number: int) -> dict[str, Any]:
    try:
        fields = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise LogUnreadable(line_number, f"no JSON: {exc}: {evidence(line)}") from exc
    if not isinstance(fields, dict):
        raise LogUnreadable(line_number, f"no JSON object: {evidence(line)}")
    return fields


def _decode_record(
    role: str, name: str, fields: dict[str, Any], line_number: int
) -> Event | Command | LogHeader:
    classes: Mapping[str, type[Any]] = {"event": _EVENTS, "command": _COMMANDS}.get(
        role, {LogHeader.__name__: LogHeader}
    )
    if name not in classes:
        raise LogUnreadable(line_number, f"there is no {role} {evidence(name)}")
    cls = classes[name]
    if cls is LogHeader:
        _check_header(fields, line_number)
    names = {key: field for field, key in _FIELDS[cls][1]}
    unknown = sorted(fields.keys() - names.keys())
    if unknown:
        raise LogUnreadable(line_number, f"{name} has no field {evidence(unknown[0])}")
    try:
        record: Event | Command | LogHeader = msgspec.convert(
            {names[key]: field for key, field in fields.items()}, cls
        )
    except (msgspec.ValidationError, ValueError) as exc:
        raise LogUnreadable(line_number, f"{name}: {exc}") from exc
    if isinstance(record, LogHeader):
        _check_policy(record.policy, line_number)
    return record


def _check_policy(policy: Policy, line_number: int) -> None:
    """Refuse what no configuration allows: a core that plays in chunks of nothing never ends."""
    for name, choice in attrs.asdict(policy).items():
        least_ms = FRAME_MS if name in ("lead_ms", "mark_every_ms") else 0
        if name.endswith("_ms") and choice < least_ms:
            raise LogUnreadable(
                line_number, f"a policy's {name} is {least_ms} at least, not {choice}"
            )


def _check_header(fields: dict[str, Any], line_number: int) -> None:
    """Refuse what a replay would have to guess; a format that is older says less."""
    version = fields.get("format_version")
    _check_version(version, line_number)
    if version == 1:
        fields.setdefault("decision_version", UNKNOWN_DECISIONS)
    elif "decision_version" not in fields:
        raise LogUnreadable(line_number, "LogHeader has no decision_version")
    policy = fields.get("policy")
    if isinstance(policy, dict):
        unknown = sorted(policy.keys() - {field.name for field in attrs.fields(Policy)})
        if unknown:
            raise LogUnreadable(
                line_number, f"this version knows no choice {evidence(unknown[0])} of a policy"
            )


def _check_version(version: object, line_number: int) -> None:
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise LogUnreadable(line_number, f"format_version must be a number, not {version!r:.80}")
    if version > FORMAT_VERSION:
        raise LogUnreadable(
            line_number,
            f"format {version} is newer than {FORMAT_VERSION}, the newest that this version of "
            "trio_media reads: read it with the version that wrote it",
        )


def read_log(
    path: Path, *, on_bad_line: Callable[[LogUnreadable], None] | None = None
) -> Iterator[LogLine]:
    """Yield the lines of a log, the header first, in memory that does not grow with the log.

    ``on_bad_line`` is told of a line that is corrupt or, as the last one of a process that was
    killed, cut off (`LogCutOff`); reading goes on behind it.  Without it such a line raises.  A
    file that does not begin with a header of a known format raises `LogUnreadable` in either case.

    Raises OSError.
    """
    with path.open("rb") as file:
        yield _read_header(file)
        for number, line in enumerate(_bounded_lines(file), start=2):
            try:
                yield _read_line(line, number)
            except LogUnreadable as exc:
                if on_bad_line is None:
                    raise
                on_bad_line(exc)


def _read_header(file: BinaryIO) -> LogLine:
    first = file.readline(LINE_BYTES_MAX)
    if not first:
        raise LogUnreadable(1, "the file is empty")
    header = _read_line(first, 1)
    if not isinstance(header.record, LogHeader):
        raise LogUnreadable(1, f"an event log begins with a header, not with {evidence(first)}")
    return header


def _read_line(line: bytes, line_number: int) -> LogLine:
    if not line.endswith(b"\n"):
        if len(line) >= LINE_BYTES_MAX:
            reason = f"longer than {LINE_BYTES_MAX} bytes: {evidence(line)}"
            raise LogUnreadable(line_number, reason)
        raise LogCutOff(line_number, f"cut off: {evidence(line)}")
    return decode_line(line, line_number)


def _bounded_lines(file: BinaryIO) -> Iterator[bytes]:
    """Yield lines, of one that is too long only the beginning."""
    while line := file.readline(LINE_BYTES_MAX):
        yield line
        while line and not line.endswith(b"\n"):
            line = file.readline(LINE_BYTES_MAX)
