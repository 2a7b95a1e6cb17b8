"""What is deleted, and above all what is not."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from trio_media.recording.retention import Deleted, delete_call, delete_old

OLD_S, NEW_S, BEFORE_S = 1_000, 9_000, 5_000


def keep(folder: Path, name: str, changed_s: float, *, call_sid: str = "") -> None:
    summary = {"summary_version": 1, "call_sid": call_sid or name, "turns": []}
    for end, text in (("json", json.dumps(summary)), ("jsonl", "{}\n"), ("wav", "RIFF")):
        path = folder / f"{name}.{end}"
        path.write_text(text)
        os.utime(path, (changed_s, changed_s))


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def sweep(folder: Path, *live: str) -> Deleted:
    return delete_old(folder, before_unix_s=BEFORE_S, is_live=set(live).__contains__)


def test_old_calls_go_with_all_their_files_and_new_ones_stay(tmp_path: Path) -> None:
    keep(tmp_path, "CA1", OLD_S)
    keep(tmp_path, "CA1-2", OLD_S, call_sid="CA1")
    keep(tmp_path, "CA2", NEW_S)
    assert sweep(tmp_path) == Deleted(calls=2, files=6)
    assert names(tmp_path) == {"CA2.json", "CA2.jsonl", "CA2.wav"}


def test_a_live_call_stays_however_old_its_files_look(tmp_path: Path) -> None:
    keep(tmp_path, "CA1", OLD_S)
    assert sweep(tmp_path, "CA1") == Deleted()
    assert len(names(tmp_path)) == 3


@pytest.mark.parametrize("end", ["wav", "jsonl", "json"])
def test_a_call_is_as_old_as_the_newest_of_its_files(tmp_path: Path, end: str) -> None:
    keep(tmp_path, "CA1", OLD_S)
    os.utime(tmp_path / f"CA1.{end}", (NEW_S, NEW_S))
    assert sweep(tmp_path) == Deleted()


def test_what_is_none_of_ours_stays(tmp_path: Path) -> None:
    keep(tmp_path, "CA1", OLD_S, call_sid="CA9")  # somebody renamed it
    others = {
        "package.json": '{"name": "x"}',
        "notes.json": "no JSON",
        "list.json": "[]",
        "CA2.jsonl": "{}",
        "CA3.wav": "RIFF",
        "a b.json": '{"summary_version": 1, "call_sid": "a b"}',
    }
    for name, text in others.items():
        (tmp_path / name).write_text(text)
        os.utime(tmp_path / name, (OLD_S, OLD_S))
    (tmp_path / "CA4.json").mkdir()
    before = names(tmp_path)
    assert sweep(tmp_path) == Deleted()
    assert names(tmp_path) == before


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    keep(outside, "CA1", OLD_S)
    folder = tmp_path / "kept"
    folder.mkdir()
    (folder / "CA1.json").symlink_to(outside / "CA1.json")
    assert sweep(folder) == Deleted()
    assert len(names(outside)) == 3


def test_a_folder_that_is_not_there_has_nothing_old(tmp_path: Path) -> None:
    assert sweep(tmp_path / "none") == Deleted()


def test_what_cannot_be_deleted_is_told_and_costs_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(tmp_path, "CA1", OLD_S)
    real = Path.unlink

    def unlink(path: Path, missing_ok: bool = False) -> None:
        if path.suffix == ".wav":
            raise PermissionError(13, "Permission denied")
        real(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", unlink)
    deleted = sweep(tmp_path)
    assert (deleted.calls, deleted.files) == (0, 2)
    assert deleted.failures == ["CA1.wav: Permission denied"]


def test_one_call_is_deleted_with_what_a_killed_process_left(tmp_path: Path) -> None:
    keep(tmp_path, "CA1", NEW_S)
    keep(tmp_path, "CA10", NEW_S)
    (tmp_path / ".CA1.json.part").write_text("{")
    assert delete_call(tmp_path, ["CA1"]) == Deleted(calls=1, files=4)
    assert names(tmp_path) == {"CA10.json", "CA10.jsonl", "CA10.wav"}
    assert delete_call(tmp_path, ["CA1"]) == Deleted()
