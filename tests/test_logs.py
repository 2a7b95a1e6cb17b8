from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Iterator

import pytest

from trio_media.config import LogConfig
from trio_media.logs import call_logger, configure_logging

SECRET = 'sk-"quoted"\\Zürich'


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _restore_logging() -> Iterator[None]:
    root = logging.getLogger("trio_media")
    before = (list(root.handlers), root.level, root.propagate, logging.raiseExceptions)
    yield
    root.handlers[:], root.propagate, logging.raiseExceptions = before[0], before[2], before[3]
    root.setLevel(before[1])


def test_a_pipe_gets_json_with_the_call_as_a_field() -> None:
    out = io.StringIO()
    configure_logging(LogConfig(), stream=out)
    call_logger("CA1").info("hush after %d ms", 40, extra={"floor": "hushed"})
    line = json.loads(out.getvalue())
    assert line["message"] == "hush after 40 ms"
    assert (line["call_sid"], line["floor"], line["level"]) == ("CA1", "hushed", "info")
    assert line["time"].endswith("+00:00")


def test_a_terminal_gets_text() -> None:
    out = Terminal()
    configure_logging(LogConfig(), stream=out)
    call_logger("CA1").warning("late")
    assert out.getvalue().endswith("warning late call_sid=CA1\n")


def test_the_format_can_be_forced_and_the_level_counts() -> None:
    out = Terminal()
    configure_logging(LogConfig(format="json", level="warning"), stream=out)
    call_logger("CA1").info("unseen")
    call_logger("CA1").warning("seen")
    assert json.loads(out.getvalue())["message"] == "seen"


def test_a_value_cannot_forge_a_line() -> None:
    out = Terminal()
    configure_logging(LogConfig(), stream=out)
    logging.getLogger("trio_media.x").info("from %s", "a\n12:00:00.000 error forged")
    assert out.getvalue().count("\n") == 1


@pytest.mark.parametrize("style", ["human", "json"])
def test_a_secret_is_hidden_wherever_it_is(style: str) -> None:
    out = io.StringIO()
    configure_logging(LogConfig(format=style), secrets=[SECRET, "", "a"], stream=out)  # type: ignore[arg-type]
    log = logging.getLogger("trio_media.x")
    log.info("key %s", SECRET)
    log.info("key %r", SECRET)
    log.info("config %s", {"nested": [SECRET]})
    log.info("field", extra={"key": SECRET, "deep": {"key": SECRET}})
    try:
        raise ValueError(SECRET)
    except ValueError:
        log.exception("failed")
    assert "rich" not in out.getvalue()
    assert out.getvalue().count("***") >= 6
    assert "failed" in out.getvalue()  # the one-letter secret hides nothing


def test_the_traceback_with_which_the_process_ends_has_no_secret(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "excepthook", sys.__excepthook__)
    configure_logging(LogConfig(), secrets=[SECRET], stream=io.StringIO())
    group = ExceptionGroup("all", [ValueError(f"wrong: {SECRET}")])
    sys.excepthook(type(group), group, None)
    said = capsys.readouterr().err
    assert "ValueError: wrong: ***" in said
    assert "rich" not in said


def test_configuring_twice_writes_once() -> None:
    out = io.StringIO()
    configure_logging(LogConfig(), stream=out)
    configure_logging(LogConfig(), stream=out)
    logging.getLogger("trio_media.x").info("once")
    assert out.getvalue().count("once") == 1
