"""What is mixed is as loud as its name says."""

from __future__ import annotations

from pathlib import Path

import attrs
import numpy as np
import pytest
from conditions import ALL, CALLER_DBFS, HAZARD_S, Echo, Site
from sources import RATE_HZ, active_dbfs, levels_dbfs

from trio_media.audio.g711 import SAMPLE_RATE_HZ

SECONDS = 20
assert RATE_HZ == SAMPLE_RATE_HZ


def background(root: Path, name: str) -> np.ndarray:
    rng = np.random.default_rng(7)
    return ALL[name].background(Site(root, "test"), rng, SECONDS * RATE_HZ)


@pytest.mark.parametrize("snr_db", [20, 10, 5])
def test_noise_is_so_far_below_the_caller(root: Path, snr_db: int) -> None:
    sound = background(root, f"noise {snr_db} dB")
    assert levels_dbfs(sound, len(sound))[0] == pytest.approx(CALLER_DBFS - snr_db, abs=0.2)


@pytest.mark.parametrize("name", ["music 10 dB", "music 5 dB", "babble 10 dB"])
def test_what_is_active_of_a_sound_is_so_far_below_the_caller(root: Path, name: str) -> None:
    sound = background(root, name)
    snr_db = int(name.split()[1])
    # Not at 20 dB: what is active is known by its level, and there too much is too quiet.
    assert active_dbfs(sound) == pytest.approx(CALLER_DBFS - snr_db, abs=1.5)


@pytest.mark.parametrize("name", sorted(ALL))
def test_backgrounds_are_as_long_as_asked_finite_and_reproducible(root: Path, name: str) -> None:
    sound, again = background(root, name), background(root, name)
    assert len(sound) == SECONDS * RATE_HZ
    assert np.isfinite(sound).all()
    assert (sound == again).all()
    assert HAZARD_S > SECONDS


@pytest.mark.parametrize("loss_db", [30, 15])
@pytest.mark.parametrize("is_room", [False, True])
def test_echo_comes_back_as_quiet_as_asked_and_no_sooner_than_its_lag(
    loss_db: float, is_room: bool
) -> None:
    rng = np.random.default_rng(5)
    # As wide as a telephone passes, so that the band takes little of it.
    played = np.random.default_rng(6).standard_normal(10 * RATE_HZ) * 0.1
    condition = attrs.evolve(ALL["clean"], echo_loss_db=loss_db, is_room=is_room)
    echo = Echo.of(condition, rng, played)
    assert echo is not None
    back = np.concatenate([echo.returns(frame) for frame in played.reshape(-1, 160)])
    lag = echo.lag_samples
    assert 60 <= lag / 8 < 300
    assert not back[: lag - 1].any()
    settled = slice(lag + len(echo.impulse), None)
    level, source = (levels_dbfs(s, len(s))[0] for s in (back[settled], played))
    assert level == pytest.approx(source - loss_db, abs=0.5)
