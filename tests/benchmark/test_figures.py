"""What is made of what the peers saw."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from figures import WRAP_US, Figures, delays_ms, figures, middle, spread
from made_rounds import SECOND_US, measured


def test_the_cost_is_the_cpu_of_a_frame_that_was_delivered() -> None:
    found = figures(measured(model={"frames": 500}))
    assert found.us_per_frame == 400
    assert found.calls_per_core == 50
    assert (found.cpu_share, found.model_share, found.phones_share) == (0.02, 0.01, 0.03)
    assert found.kib_per_call == 1_024


def test_a_round_without_a_fault_has_none() -> None:
    found = figures(measured())
    assert found.faults() == []
    assert found.doubts() == []


@pytest.mark.parametrize(
    ("model", "phones", "told"),
    [
        ({"missing": 3}, {}, "3 caller frames missing"),
        ({"out_of_order": 1}, {}, "1 caller frames out of order"),
        ({"frames": 900}, {}, "900 of 1000 caller frames delivered"),
        ({}, {"lost": 1, "failed": 1}, "2 calls lost"),
        ({"answers": 2}, {}, "no answer was heard"),
    ],
)
def test_what_was_not_delivered_is_told(
    model: dict[str, Any], phones: dict[str, Any], told: str
) -> None:
    assert figures(measured(model, phones)).faults() == [told]


def test_peers_that_were_the_bottleneck_are_doubted() -> None:
    late = attrs.evolve(measured(phones={"lateness_us": [20_000] * 10}), model_cpu_s=9.0)
    told = ["model: 90% of a core", "phones: 20.0 ms late"]
    assert figures(late).doubts() == told


def test_an_effect_belongs_to_its_own_call_and_comes_after_its_cause() -> None:
    causes = [(1, 10_000), (2, 10_000)]
    effects = [(1, 9_000), (2, 15_000), (1, 12_000), (1, 11_000)]
    assert delays_ms(causes, effects) == [1.0, 5.0]


def test_an_effect_that_comes_much_later_is_none() -> None:
    assert delays_ms([(1, 0)], [(1, 3 * SECOND_US)]) == [None]


def test_a_delay_is_measured_across_the_wrap_of_the_clock() -> None:
    assert delays_ms([(1, WRAP_US - 1_000)], [(1, 1_000)]) == [2.0]


def test_an_interruption_is_timed_to_its_clear_by_the_onset_and_by_the_server() -> None:
    onsets = [[1, SECOND_US, True], [2, SECOND_US, True], [1, 9 * SECOND_US, False]]
    speech = [[1, SECOND_US + 120_000], [2, SECOND_US + 120_000]]
    # The second call was cleared before the server noticed: no later clear answers the server.
    clears = [[1, SECOND_US + 125_000], [2, SECOND_US + 60_000], [2, SECOND_US + 900_000]]
    found = figures(measured({"speech": speech}, {"onsets": onsets, "clears": clears}))
    assert (found.interruptions, found.not_cleared) == (2, 0)
    assert (found.onset_clear_ms.p50, found.onset_clear_ms.max) == (60, 125)
    assert (found.server_clear_ms.count, found.server_clear_ms.p50) == (1, 5)


def test_an_interruption_that_nothing_followed_counts_unless_the_round_was_over() -> None:
    onsets = [[1, SECOND_US, True], [1, 29 * SECOND_US, True]]
    found = figures(measured(phones={"onsets": onsets}))
    assert (found.interruptions, found.not_cleared) == (1, 1)


def test_where_the_audio_is_changed_onsets_and_bursts_are_what_is_timed() -> None:
    found = figures(
        measured(
            {
                "unstamped_frames": 1_000,
                "onsets": [[1, SECOND_US + 60_000]],
                "first_deltas": [[1, 3 * SECOND_US]],
                "answers": 1,
            },
            {"onsets": [[1, SECOND_US, False]], "bursts": [[1, 3 * SECOND_US + 90_000]]},
        )
    )
    assert found.by_onsets
    assert (found.frame_ms.p50, found.delta_ms.p50) == (60, 90)
    assert found.faults() == []


def rounds_of(*us_per_frame: float) -> list[Figures]:
    return [attrs.evolve(figures(measured()), us_per_frame=us) for us in us_per_frame]


def test_of_several_rounds_the_median_counts_and_counts_are_added() -> None:
    found = middle(rounds_of(100, 900, 120))
    assert found.us_per_frame == 120
    assert found.frames_sent == 3_000
    assert found.calls == 2


def test_percentiles_that_some_rounds_lack_are_those_of_the_others() -> None:
    some = figures(measured({"frame_us": [2_000]}))
    assert middle([figures(measured()), some]).frame_ms.p50 == 2
    assert middle([figures(measured())]).frame_ms.p50 is None


def test_the_spread_tells_how_noisy_it_was() -> None:
    assert spread(rounds_of(100, 150, 120)) == pytest.approx(50 / 120)
