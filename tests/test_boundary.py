from __future__ import annotations

import pytest
import trio

from trio_media.boundary import crash_boundary


def test_an_error_stops_here_and_is_told() -> None:
    seen: list[Exception] = []
    with crash_boundary(seen.append):
        int("a bug")
    assert "a bug" in repr(seen)


def test_an_error_that_is_alone_is_told_as_its_author_knows_it() -> None:
    seen: list[Exception] = []
    with crash_boundary(seen.append):
        raise ExceptionGroup("", [ExceptionGroup("", [KeyError("one")])])
    two = ExceptionGroup("", [KeyError("two"), OSError("three")])
    with crash_boundary(seen.append):
        raise two
    assert [type(crash) for crash in seen] == [KeyError, ExceptionGroup]


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_what_is_no_error_passes(error: type[BaseException]) -> None:
    seen: list[Exception] = []
    with pytest.raises(error), crash_boundary(seen.append):
        raise error
    assert not seen


async def test_a_cancellation_passes_also_out_of_a_group_with_an_error() -> None:
    seen: list[Exception] = []

    async def fail_when_cancelled() -> None:
        try:
            await trio.sleep_forever()
        finally:
            raise ValueError("while being cancelled")

    with trio.CancelScope() as scope:
        scope.cancel()
        with crash_boundary(seen.append):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(fail_when_cancelled)
                nursery.start_soon(trio.sleep_forever)
                await trio.sleep_forever()
        raise AssertionError("went on although cancelled")
    assert scope.cancelled_caught
    assert "while being cancelled" in repr(seen)
