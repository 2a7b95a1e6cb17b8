"""Recordings to hear with, where Debian's packages are not: the phone's own voices stand in."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

import trio_media.phone.voices

SCRIPTS = Path(__file__).parents[2] / "scripts"
VOICES = Path(trio_media.phone.voices.__file__).parent
# They are scripts, not a package: their modules find each other by their bare names.
sys.path[:0] = [str(SCRIPTS / "ears_bench")]

SPEAKERS = ("en_US_f_Allison", "es_MX_f_Allison", "it_IT_m_Carlo", "fr_CA_f_June")
TAKES = 4  # of each voice, for a name decides which half it is in


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache laid out as the packages are, with each voice said by every speaker, repeatedly."""
    root = tmp_path_factory.mktemp("asterisk")
    for speaker in SPEAKERS:
        folder = root / "sounds" / speaker
        folder.mkdir(parents=True)
        for voice in VOICES.glob("*.wav"):
            if voice.stem != "cough":
                for take in range(TAKES):
                    shutil.copy(voice, folder / f"{voice.stem}-{take}.wav")
    (root / "moh").mkdir()
    shutil.copy(VOICES / "something_wrong.wav", root / "moh" / "macroform-song.wav")
    return root
