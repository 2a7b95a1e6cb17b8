"""What the operator chose."""

from __future__ import annotations

import pytest

from trio_media.core.policy import Ear, Policy
from trio_media.core.units import CHUNK_MS


@pytest.mark.parametrize(
    ("lead_ms", "mark_every_ms", "chunk_ms"),
    [(1_000, 200, CHUNK_MS), (20, 200, 20), (1_000, 100, 100), (2_000, 2_000, CHUNK_MS)],
)
def test_no_message_is_longer_than_the_lead_a_mark_or_a_chunk(
    lead_ms: int, mark_every_ms: int, chunk_ms: int
) -> None:
    assert Policy(lead_ms=lead_ms, mark_every_ms=mark_every_ms).chunk_ms == chunk_ms


@pytest.mark.parametrize(
    ("ear", "is_local"), [(Ear.LOCAL, True), (Ear.BOTH, True), (Ear.SERVER, False)]
)
def test_the_local_ear_counts_unless_the_server_alone_is_believed(ear: Ear, is_local: bool) -> None:
    assert Policy(ear=ear).hears_locally is is_local


def test_the_defaults_are_those_of_the_configuration() -> None:
    policy = Policy()
    assert (policy.hush_max_ms, policy.recover_ms, policy.echo_guard_ms) == (700, 2_000, 200)
    assert (policy.lead_ms, policy.mark_every_ms) == (1_000, 200)
    assert policy.confirm_ms == 2 * 160, "without a confirming detector: twice min_speech_ms"
    assert policy.dtmf_interrupts
