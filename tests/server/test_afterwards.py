from __future__ import annotations

import os
from pathlib import Path

import pytest

from trio_media.server import afterwards as module
from trio_media.server.afterwards import (
    ASKED_S,
    KEPT_MAX,
    SWEEP_EVERY,
    Afterwards,
    AfterwardsInDirectory,
    AfterwardsInMemory,
)
from trio_media.server.tokens import unix_now_s


class Clock:
    def __init__(self) -> None:
        self.now_s = unix_now_s()

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["memory", "directory"])
def kept(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Afterwards:
    if request.param == "memory":
        return AfterwardsInMemory(clock)
    return AfterwardsInDirectory(tmp_path, clock)


def test_what_was_decided_is_told_once(kept: Afterwards) -> None:
    kept.put("CA1", "<a/>")
    kept.put("CA2", "<b>ä</b>")
    assert kept.take("CA2") == "<b>ä</b>"
    assert kept.take("CA1") == "<a/>"
    assert kept.take("CA1") is None
    assert kept.take("CA3") is None


def test_the_newest_decision_counts(kept: Afterwards) -> None:
    kept.put("CA1", "<a/>")
    kept.put("CA1", "<b/>")
    assert kept.take("CA1") == "<b/>"
    assert kept.take("CA1") is None


def test_what_nobody_asks_for_in_time_is_forgotten(kept: Afterwards, clock: Clock) -> None:
    kept.put("CA1", "<a/>")
    clock.now_s += ASKED_S + 1
    assert kept.take("CA1") is None


def test_a_sid_from_outside_is_no_file_name(kept: Afterwards, tmp_path: Path) -> None:
    for call_sid in ("../../x", "/etc/passwd", "a\0b", "\ud800"):
        kept.put(call_sid, call_sid.encode("utf-8", "replace").hex())
        assert kept.take(call_sid) == call_sid.encode("utf-8", "replace").hex()
    assert not list(tmp_path.parent.glob("x*"))


def test_memory_is_bounded_by_dropping_the_oldest(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert KEPT_MAX >= 1_000
    monkeypatch.setattr(module, "KEPT_MAX", 3)
    kept = AfterwardsInMemory(clock)
    for number in range(5):
        kept.put(f"CA{number}", "<a/>")
    assert len(kept._kept) == 3
    assert [kept.take(f"CA{n}") for n in range(5)] == [None, None, "<a/>", "<a/>", "<a/>"]


def test_memory_forgets_what_is_old_when_something_new_comes(clock: Clock) -> None:
    kept = AfterwardsInMemory(clock)
    kept.put("CA1", "<a/>")
    kept.put("CA2", "<a/>")
    clock.now_s += ASKED_S + 1
    kept.put("CA3", "<a/>")
    assert list(kept._kept) == ["CA3"]


def test_another_worker_is_told_and_only_one_of_them(tmp_path: Path) -> None:
    workers = [AfterwardsInDirectory(tmp_path) for _ in range(3)]
    workers[0].put("CA1", "<a/>")
    assert [worker.take("CA1") for worker in workers[::-1]] == ["<a/>", None, None]
    assert list(tmp_path.iterdir()) == []


def test_files_of_calls_that_nobody_asks_about_do_not_pile_up(tmp_path: Path, clock: Clock) -> None:
    kept = AfterwardsInDirectory(tmp_path, clock)
    used_token = tmp_path / "0011.1700000000"
    used_token.touch()
    for number in range(SWEEP_EVERY):
        kept.put(f"CA{number}", "<a/>")
    for path in tmp_path.iterdir():
        os.utime(path, (clock.now_s, clock.now_s))
    clock.now_s += ASKED_S + 1
    kept.put("CAnew", "<a/>")
    assert len(list(tmp_path.glob("*.after"))) == 1
    assert used_token.exists(), "what others keep there is not ours to forget"


def broken(*_: object, **__: object) -> None:
    raise OSError("no space")


@pytest.mark.parametrize("name", ["write_text", "replace", "rename", "read_text", "glob", "unlink"])
def test_a_disk_that_fails_costs_the_words_and_no_more(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = AfterwardsInDirectory(tmp_path)
    kept.put("CA0", "<a/>")
    with monkeypatch.context() as patch:
        patch.setattr(Path, name, broken)
        kept.put("CA1", "<a/>")
        assert kept.take("CA1") in (None, "<a/>")
