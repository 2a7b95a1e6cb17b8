from __future__ import annotations

from typing import Any

from trio_media.realtime.merging import merged


def test_merging_changes_neither_of_the_two() -> None:
    base: dict[str, Any] = {"a": {"b": [1]}, "c": {"d": 1}}
    extra: dict[str, Any] = {"a": {"e": [2]}, "c": 5}
    found = merged(base, extra)
    assert found == {"a": {"b": [1], "e": [2]}, "c": 5}
    found["a"]["b"].append(9)
    found["a"]["e"].append(9)
    assert base == {"a": {"b": [1]}, "c": {"d": 1}}
    assert extra == {"a": {"e": [2]}, "c": 5}
