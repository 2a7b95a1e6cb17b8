"""A change of decisions raises their version: what was decided on some calls is pinned.

`CALLS` holds the events of calls between them through every line of the core, in every way through
it that a search, a scripted conversation and whole calls over memory streams have found.  Only
events: what the core makes of them is decided here.
"""

from __future__ import annotations

import hashlib
import typing
from collections.abc import Iterator
from pathlib import Path

from trio_media.core import events as ev
from trio_media.core import units
from trio_media.core.machine import DecisionCore
from trio_media.core.version import DECISION_VERSION
from trio_media.recording.log_format import LogHeader, decode_line, encode_line

CALLS = Path(__file__).with_name("decided_calls.jsonl")
CALLS_DIGEST = "cddcda6be163d36ccab349e2d1f13ee2"
# What each version made of the calls, with its constants.  A version's pin is never changed.
PINNED = {
    1: "57d12a9bd330acdf7afd6e254c6b2efc",
    2: "e6138a435dc0bdfb80cbfc35de5320f5",
    3: "0d89f49ee3a7ad45ce96168d7ec161ad",  # and of what applications ask for: the last calls
    4: "959e772f764d511807315abd7c73297f",  # and of a model that goes away and comes back
}


def decided() -> Iterator[bytes]:
    """The constants, and every command of every call, in lines."""
    for name, constant in sorted(vars(units).items()):
        if name.isupper():
            yield f"{name} {constant}\n".encode()
    core: DecisionCore | None = None
    for line in CALLS.read_bytes().splitlines():
        t_ms, record = (read := decode_line(line)).t_ms, read.record
        if isinstance(record, LogHeader):
            core = DecisionCore(record.policy)
        elif isinstance(record, typing.get_args(ev.Event)):
            assert core is not None
            yield from (encode_line(command, t_ms) for command in core.handle(record, t_ms))


def digest(lines: Iterator[bytes]) -> str:
    return hashlib.sha256(b"".join(lines)).hexdigest()[:32]


def test_the_calls_are_those_that_were_pinned() -> None:
    found = digest(iter([CALLS.read_bytes()]))
    assert found == CALLS_DIGEST, "other calls: pin what is decided on them under the same version"


def test_other_decisions_are_another_version() -> None:
    assert max(PINNED) == DECISION_VERSION, "pin what this version decides"
    assert digest(decided()) == PINNED[DECISION_VERSION], (
        "the core decides otherwise: if that is meant, raise DECISION_VERSION in core/version.py "
        f"and pin {digest(decided())} for it here; never change the pin of a version that was used"
    )
