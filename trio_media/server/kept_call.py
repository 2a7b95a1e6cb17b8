"""A call as the server runs it: kept as the configuration asks, traced where somebody traces."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import attrs
import trio

from trio_media.call.line import Line
from trio_media.call.listening import VoiceJudge
from trio_media.call.record import CallEnd, CallObserver
from trio_media.call.run import CallOptions, Log, policy_of, run_call
from trio_media.config import Config
from trio_media.recording.keeping import keep_call
from trio_media.server.tracing import trace_call
from trio_media.telephony.events import MediaStreamStarted


async def run_kept_call(
    carrier_stream: trio.abc.Stream,
    *,
    config: Config,
    admit: Callable[[MediaStreamStarted], None],
    log: Log,
    judge: VoiceJudge | None = None,
    options: CallOptions | None = None,
) -> CallEnd:
    """Run a call, and keep it under ``[recording] dir``.  See `run_call`.

    Every promise is checked at every step when ``[log] level`` is ``debug``; one that breaks is
    counted and noted, and never ends the call.
    """
    given = options or CallOptions()
    also = given.observers

    def observers(
        started: MediaStreamStarted, line: Line, nursery: trio.Nursery
    ) -> Sequence[CallObserver]:
        kept = keep_call(
            line.recording,
            started,
            policy_of(config, has_judge=judge is not None),
            now_ms=line.now_ms,
            nursery=nursery,
            resumed_from=line.resumed_from,
        )
        traced = trace_call(started, config, line, nursery)
        return [*kept, *traced, *(also(started, line, nursery) if also is not None else ())]

    is_checked = given.checks_invariants or config.log.level == "debug"
    options = attrs.evolve(given, observers=observers, checks_invariants=is_checked)
    return await run_call(
        carrier_stream, config=config, admit=admit, log=log, judge=judge, options=options
    )
