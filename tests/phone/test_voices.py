"""The clips that are shipped."""

from __future__ import annotations

from importlib import resources

import pytest

from trio_media.errors import ConfigError
from trio_media.phone.hearing import is_loud
from trio_media.phone.voices import TALK, VOICES, load_voice


@pytest.mark.parametrize("name", VOICES)
def test_every_voice_speaks_at_once(name: str) -> None:
    clip = load_voice(name)
    assert 200 * 8 <= len(clip) <= 2_500 * 8
    assert any(is_loud(clip[at : at + 160]) for at in (0, 160, 320))


def test_the_cough_is_short() -> None:
    assert 220 * 8 <= len(load_voice("cough")) <= 260 * 8


def test_nothing_else_is_shipped_and_it_is_small() -> None:
    folder = resources.files("trio_media.phone.voices")
    clips = {
        entry.name: len(entry.read_bytes()) for entry in folder.iterdir() if ".wav" in entry.name
    }
    assert set(clips) == {f"{name}.wav" for name in VOICES}
    assert sum(clips.values()) < 300_000
    assert set(TALK) < set(VOICES)


def test_the_licence_names_every_recording() -> None:
    text = resources.files("trio_media.phone.voices").joinpath("LICENSE.txt").read_text()
    assert "Allison Smith" in text
    assert "by-sa/3.0" in text
    assert all(f"{name}.wav" in text for name in VOICES)


def test_an_unknown_voice_is_named() -> None:
    with pytest.raises(ConfigError, match=r"voice '\.\./x'"):
        load_voice("../x")
