"""Logs: one line a record, for people on a terminal and as JSON everywhere else.

Rule 1: a configured secret never leaves the process in a log, in whatever field it hides; nor in
the traceback with which the process ends.
Rule 2: a record of a call carries the call's id as a field, not in its text.
"""

from __future__ import annotations

import datetime
import json
import logging
import sys
import traceback
import types
from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any, Final, TextIO, TypeAlias

from trio_media.config import LogConfig
from trio_media.hiding import Hiding
from trio_media.log_output import DetachedOutput

ROOT_NAME: Final = "trio_media"

CallLogger: TypeAlias = "logging.LoggerAdapter[logging.Logger]"

# What a record has by itself; everything else on it came from ``extra`` and is a field of ours.
_OWN_ATTRIBUTES: Final = frozenset(
    [*vars(logging.LogRecord("", 0, "", 0, "", (), None)), "message", "asctime", "taskName"]
)


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message, the fields, and error."""

    def format(self, record: logging.LogRecord) -> str:
        """Give the record as one line of JSON."""
        line: dict[str, Any] = {
            "time": _utc(record).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_fields(record),
        }
        error = _error_text(self, record)
        if error:
            line["error"] = error
        return json.dumps(line, default=str, ensure_ascii=False)


class HumanFormatter(logging.Formatter):
    """A time, a level, the message and the fields as ``key=value``."""

    def format(self, record: logging.LogRecord) -> str:
        """Give the record as text; an exception's traceback follows on its own lines."""
        time = _utc(record).astimezone().strftime("%H:%M:%S.%f")[:-3]
        line = f"{time} {record.levelname.lower():7} {record.getMessage()}"
        fields = "".join(f" {name}={value}" for name, value in _fields(record).items())
        error = _error_text(self, record)
        # A line break in a value must not begin a line that looks like a record of ours.
        line = (line + fields).replace("\r", "\\r").replace("\n", "\\n")
        return f"{line}\n{error}" if error else line


class HidingFormatter(logging.Formatter):
    """Another formatter, with every secret replaced in what comes out of it.

    Working on the finished text covers the message, its arguments, the fields and tracebacks alike.
    """

    def __init__(self, inner: logging.Formatter, hiding: Hiding) -> None:
        super().__init__()
        self._inner = inner
        self._hiding = hiding

    def format(self, record: logging.LogRecord) -> str:
        """Give the inner formatter's text without secrets."""
        return self._hiding(self._inner.format(record))


class _CallLogger(logging.LoggerAdapter[logging.Logger]):
    """Adds the call's id to each record, and keeps the record's own fields."""

    def process(
        self, msg: object, kwargs: MutableMapping[str, Any]
    ) -> tuple[object, MutableMapping[str, Any]]:
        kwargs["extra"] = {**(self.extra or {}), **(kwargs.get("extra") or {})}
        return msg, kwargs


def call_logger(call_sid: str, **fields: object) -> CallLogger:
    """Give a logger whose records carry ``call_sid`` and ``fields``."""
    extra: Mapping[str, Any] = {"call_sid": call_sid, **fields}
    return _CallLogger(logging.getLogger(f"{ROOT_NAME}.call"), extra)


def configure_logging(
    config: LogConfig, *, secrets: Iterable[str] = (), stream: TextIO | None = None
) -> None:
    """Send the package's records to ``stream`` (standard error) in the configured form.

    ``auto`` is human on a terminal and JSON otherwise.  May be called again; the last call counts.
    """
    target = sys.stderr if stream is None else stream
    hiding = Hiding(secrets)
    human = config.format == "human" or (config.format == "auto" and target.isatty())
    output = logging.StreamHandler(_detached(target))
    output.setFormatter(HidingFormatter(HumanFormatter() if human else JsonFormatter(), hiding))
    root = logging.getLogger(ROOT_NAME)
    for old in list(root.handlers):
        root.removeHandler(old)
        if isinstance(old, logging.StreamHandler) and isinstance(old.stream, DetachedOutput):
            old.stream.finish()
    root.addHandler(output)
    root.setLevel(config.level.upper())
    # The packages' records go to this output alone: a root logger that someone else configured
    # would print them a second time, with the secrets in them.
    root.propagate = False
    # A log that cannot be written (closed pipe, full disk) must not print a traceback a record.
    logging.raiseExceptions = False
    _Crash.hiding = hiding
    sys.excepthook = _print_crash


def without_secrets(text: str) -> str:
    """Give a text without the secrets of the configuration that logs were last set up for."""
    return _Crash.hiding(text)


class _Crash:
    """What the end of this process must not tell."""

    hiding = Hiding()


def _print_crash(
    kind: type[BaseException], error: BaseException, trace: types.TracebackType | None
) -> None:
    """Print an error that nobody took, as Python does, but without secrets."""
    text = "".join(traceback.format_exception(kind, error, trace))
    sys.stderr.write(without_secrets(text))


def _detached(target: TextIO) -> TextIO | DetachedOutput:
    """Give an output that no writer waits for, if the target can make one wait at all."""
    try:
        return DetachedOutput(target.fileno())
    except OSError:  # it is in memory
        return target


def _utc(record: logging.LogRecord) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(record.created, tz=datetime.UTC)


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    return {name: value for name, value in vars(record).items() if name not in _OWN_ATTRIBUTES}


def _error_text(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    parts = []
    if record.exc_info and record.exc_info[0] is not None:
        parts.append(formatter.formatException(record.exc_info))
    elif record.exc_text:
        parts.append(record.exc_text)
    if record.stack_info:
        parts.append(formatter.formatStack(record.stack_info))
    return "\n".join(parts)
