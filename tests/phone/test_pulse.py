"""The shared timer."""

from __future__ import annotations

import trio
import trio.testing

from trio_media.phone.pulse import SHARES, Pulse


async def test_every_share_beats_every_20_ms_at_its_own_time(
    autojump_clock: trio.testing.MockClock,
) -> None:
    pulse = Pulse()
    beats: dict[int, list[float]] = {}
    began_at = trio.current_time()

    async def listen() -> None:
        share = pulse.take_share()
        beats[share] = []
        for _ in range(3):
            due_at = await pulse.wait(share)
            assert due_at == trio.current_time()
            beats[share].append(round((due_at - began_at) * 1_000))

    with trio.fail_after(1):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(pulse.run)
            async with trio.open_nursery() as listeners:
                for _ in range(SHARES):
                    listeners.start_soon(listen)
            nursery.cancel_scope.cancel()
    assert sorted(beats.values()) == [[5, 25, 45], [10, 30, 50], [15, 35, 55], [20, 40, 60]]


async def test_missed_beats_come_at_once_after_a_stall(
    mock_clock: trio.testing.MockClock,
) -> None:
    pulse = Pulse()
    due: list[float] = []

    async def listen() -> None:
        while True:
            due.append(round(await pulse.wait(0), 3))

    async with trio.open_nursery() as nursery:
        began_at = trio.current_time()
        nursery.start_soon(pulse.run)
        nursery.start_soon(listen)
        await trio.testing.wait_all_tasks_blocked()
        mock_clock.jump(0.1)
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    assert due == [round(began_at + 0.02 * n, 3) for n in range(1, 6)]
