"""One run: a server, good calls, the hunt beside them, and what is left when it is quiet."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Final

import attrs
import trio
from attempts import Bench
from good_call import GoodCalls
from hunting import Finding, Hunt
from model_place import ModelPlace
from target import Standing, Target, Wrong, open_target

QUIET_S: Final = 40.0  # idle threads are kept for ten seconds, a session made beforehand for thirty
LOOK_EVERY_S: Final = 0.25


@attrs.frozen(kw_only=True)
class Result:
    """What came of it."""

    hunt: Hunt
    took_s: float
    good_calls: int
    gaps: int
    before: Standing
    after: Standing

    def told(self) -> str:
        """For people."""
        attempts = sum(self.hunt.attempts.values())
        inputs = self.hunt.bench.inputs
        lines = [
            f"{attempts} attempts with {inputs} inputs in {self.took_s:.0f} s: "
            f"{attempts / self.took_s:.0f} attempts, {inputs / self.took_s:.0f} inputs a second",
            *(f"  {kind}: {count}" for kind, count in self.hunt.attempts.items()),
            f"good calls: {self.good_calls}, gaps heard: {self.gaps}",
            f"before: {self.before}",
            f"after:  {self.after}",
            *(finding.told() for finding in self.hunt.findings),
            f"found: {len(self.hunt.findings)}",
        ]
        return "\n".join(lines)


async def fuzz(kinds: tuple[str, ...], seconds: float, seed: int) -> Result:
    """Fuzz for so long.  Raises `Wrong` where the server is wrong before it begins."""
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        async with trio.open_nursery() as nursery:
            place, turn = ModelPlace(), trio.Lock()
            await nursery.start(place.serve)
            async with open_target(Path(folder), place.port) as target:
                good = GoodCalls(target, place, turn)
                before = await target.look(counts_calls=True)
                await good.make()
                hunt = Hunt(
                    Bench(target, place, turn, good), kinds, seed, trio.current_time() + seconds
                )
                began_s = trio.current_time()
                await _hunt(hunt, good)
                took_s = trio.current_time() - began_s
                after = await _quiet(hunt, target, before)
            nursery.cancel_scope.cancel()
    return Result(
        hunt=hunt, took_s=took_s, good_calls=good.count, gaps=good.gaps, before=before, after=after
    )


async def _hunt(hunt: Hunt, good: GoodCalls) -> None:
    over = trio.Event()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_call_on, hunt, good, over)
        await trio.to_thread.run_sync(hunt.run)
        over.set()


async def _call_on(hunt: Hunt, good: GoodCalls, over: trio.Event) -> None:
    """Make good calls until the hunt is over, one of them at least."""
    told = ""
    while not told:
        try:
            await good.make()
        except* Wrong as wrong:
            told = "; ".join(map(str, wrong.exceptions))
        if over.is_set():
            break
    if told:
        hunt.findings.append(Finding("good-call", hunt.seed, "(any of the run)", told))


async def _quiet(hunt: Hunt, target: Target, before: Standing) -> Standing:
    """Wait until the server holds no more than at its beginning; a finding if it never does."""
    after, wrong = before, ""
    try:
        with trio.move_on_after(QUIET_S):
            while True:
                after = await target.look(counts_calls=True)
                if _is_as_before(after, before):
                    break
                await trio.sleep(LOOK_EVERY_S)
        broken = await target.broken_promises()
        if not _is_as_before(after, before):
            wrong = f"something leaked: {before} before, {after} after"
        elif broken:
            wrong = f"promises broke: {broken}"
    except Wrong as found:
        wrong = str(found)
    if wrong:
        hunt.findings.append(Finding("quiet", hunt.seed, "(any of the run)", wrong))
    return after


def _is_as_before(after: Standing, before: Standing) -> bool:
    return (
        after.tasks <= before.tasks
        and after.descriptors <= before.descriptors
        and after.threads <= before.threads
        and after.calls <= before.calls
    )
