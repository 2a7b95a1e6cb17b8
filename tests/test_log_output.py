"""Whoever reads the log may stand still; whoever writes it does not."""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

import pytest

from trio_media.config import LogConfig
from trio_media.log_output import LINES_MAX, DetachedOutput
from trio_media.logs import configure_logging

PIPE_BYTES = 65_536  # what a pipe holds that nobody reads
PATIENCE_S = 20.0


@contextmanager
def pipe() -> Iterator[tuple[BinaryIO, BinaryIO]]:
    """The two ends of a pipe: for the reader, for the writer."""
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb") as read_end, os.fdopen(writer, "wb") as write_end:
        yield read_end, write_end


def in_time(work: threading.Thread) -> bool:
    """Whether a piece of work comes to its end at all."""
    work.start()
    work.join(PATIENCE_S)
    return not work.is_alive()


def lines_until(read_end: BinaryIO, message: str) -> list[dict[str, Any]]:
    """Read up to a line with this message."""
    lines: list[dict[str, Any]] = []

    def read() -> None:
        while not lines or lines[-1]["message"] != message:
            lines.append(json.loads(read_end.readline()))

    assert in_time(threading.Thread(target=read, daemon=True)), f"there is no {message!r}"
    return lines


@pytest.fixture
def _restore_logging() -> Iterator[None]:
    root = logging.getLogger("trio_media")
    before = (list(root.handlers), root.level, root.propagate, logging.raiseExceptions)
    yield
    configured = root.handlers[0]
    assert isinstance(configured, logging.StreamHandler)
    configured.stream.finish(0)
    root.handlers[:], root.propagate, logging.raiseExceptions = before[0], before[2], before[3]
    root.setLevel(before[1])


@pytest.mark.usefixtures("_restore_logging")
def test_a_reader_that_stands_still_stops_nobody_and_learns_what_it_missed() -> None:
    with pipe() as (read_end, write_end):
        with os.fdopen(os.dup(write_end.fileno()), "w") as target:
            configure_logging(LogConfig(), stream=target)
        count = LINES_MAX + 2_000

        def log_much() -> None:
            for number in range(count):
                logging.getLogger("trio_media.x").info("a call ended", extra={"number": number})

        assert in_time(threading.Thread(target=log_much, daemon=True)), "a call waits for the log"
        lines = lines_until(read_end, "log lines dropped: nobody read them")
        logging.getLogger("trio_media.x").info("the last one")
        lines += lines_until(read_end, "the last one")
        read = [line["number"] for line in lines if "number" in line]
        dropped = sum(line.get("lines", 0) for line in lines)
        assert read == sorted(set(read)), "each once, in order"
        assert len(read) + dropped == count
        assert dropped > 0


def test_the_last_lines_are_written_at_the_end() -> None:
    with pipe() as (read_end, write_end):
        output = DetachedOutput(write_end.fileno())
        write_end.close()
        for number in range(100):
            output.write(f"{number}\n")
        output.finish(PATIENCE_S)
        assert not output._thread.is_alive()
        assert read_end.read().split() == [str(number).encode() for number in range(100)]


def test_the_end_waits_for_a_reader_that_stands_still_only_so_long() -> None:
    with pipe() as (_, write_end):
        output = DetachedOutput(write_end.fileno())
        output.write("x" * 2 * PIPE_BYTES)
        assert in_time(threading.Thread(target=output.finish, daemon=True))


def test_a_reader_that_has_left_is_no_error() -> None:
    with pipe() as (read_end, write_end):
        output = DetachedOutput(write_end.fileno())
        read_end.close()
        output.write("one\n")
        output.write("two\n")
        output.finish(PATIENCE_S)
        assert not output._thread.is_alive()
