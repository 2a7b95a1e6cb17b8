"""A scenario from a seed: every kind of call, caller, answer and fault comes up."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Final, TypeVar

from trio_media.simulation.calls import scenario as sc
from trio_media.simulation.calls.making_asked import with_asked
from trio_media.simulation.calls.making_away import with_away
from trio_media.simulation.calls.network import Weather
from trio_media.simulation.calls.record import CARRIER, MODEL

CALL_MS: Final = (3_000, 20_000)
GIVEN_UP_MS: Final = 12_000  # no create is waited for so long
AGAIN_MS: Final = (200, 1_800)  # after a word of the caller: an answer is asked for, or begins
QUIET_MS: Final = 20_000  # at the end of some calls: whatever waits must come to an end
TEXTS: Final = ("I would like something else.", "Wait, no.", "Yes, please.", "mhm", "Okay.", "")
CHOICE = TypeVar("CHOICE")


def make_scenario(seed: int) -> sc.Scenario:
    """Make the call of a seed."""
    rng = random.Random(seed)  # chance, not secrets
    length_ms = rng.randrange(*CALL_MS)
    quiet_ms = QUIET_MS if rng.random() < 0.1 else 0
    scenario = sc.Scenario(
        seed=seed,
        length_ms=length_ms + quiet_ms,
        settings=_settings(rng),
        websockets=rng.random() < 0.5,
        to_carrier=_weather(rng, 60),
        from_carrier=_weather(rng, 60),
        to_model=_weather(rng, 120),
        from_model=_weather(rng, 120),
        hearing=_hearing(rng),
        caller=_caller(rng, length_ms),
        answers=tuple(_answer(rng) for _ in range(rng.randrange(1, 8))),
        application=tuple(
            _application_act(rng, length_ms) for _ in range(_few(rng, (0.6, 0.25, 0.15)))
        ),
        faults=tuple(_fault(rng, length_ms) for _ in range(_few(rng, (0.5, 0.3, 0.15, 0.05)))),
    )
    return with_away(rng, with_asked(rng, scenario))


def _few(rng: random.Random, chances: Sequence[float]) -> int:
    """Draw a small number: the chance of each, from none on."""
    return rng.choices(range(len(chances)), chances)[0]


def _mostly(rng: random.Random, usual: CHOICE, *others: CHOICE, chance: float = 0.75) -> CHOICE:
    return usual if rng.random() < chance else rng.choice(others)


def _settings(rng: random.Random) -> sc.Settings:
    authority = rng.choice(("client", "client", "server"))
    return sc.Settings(
        authority=authority,
        detector=rng.choice(("both", "local", "server")),
        greeting=rng.random() < 0.7,
        protect_greeting=rng.random() < 0.2,
        backchannel_ms=_mostly(rng, 600, 0, 300),
        lead_ms=_mostly(rng, 1_000, 20, 200, 3_000),
        has_judge=rng.random() < 0.3,
    )


def _weather(rng: random.Random, latency_ms: int) -> Weather:
    return Weather(
        latency_ms=rng.randrange(latency_ms),
        jitter_ms=rng.choice((0, 0, 5, 30)),
        tears=rng.random() < 0.3,
    )


def _hearing(rng: random.Random) -> sc.Hearing:
    return sc.Hearing(
        onset_ms=rng.choice((60, 200, 400)),
        silence_ms=rng.choice((200, 500, 900)),
        transcript_ms=_mostly(rng, 250, 0, 900, 4_000),
        hears_coughs=rng.random() < 0.3,
        loses_commits=rng.random() < 0.03,
        transcribes=rng.random() < 0.9,
    )


def _caller(rng: random.Random, length_ms: int) -> tuple[sc.CallerAct, ...]:
    """Draw what the caller does; some of it again soon after, when an answer is about to come."""
    acts: list[sc.CallerAct] = []
    for _ in range(rng.randrange(8)):
        acts.append(act := _caller_act(rng, length_ms))
        if isinstance(act, sc.Speaks) and rng.random() < 0.4:
            again_ms = act.at_ms + act.length_ms + rng.randrange(*AGAIN_MS)
            acts.append(rng.choice((sc.Presses(again_ms, "1"), sc.Speaks(again_ms, 300, "Wait."))))
    return tuple(acts)


def _caller_act(rng: random.Random, length_ms: int) -> sc.CallerAct:
    at_ms = rng.randrange(200, length_ms)
    kind = rng.random()
    if kind < 0.35:
        heard_ms = rng.choice((20, 100, 400, 900, 2_000))
        return sc.SpeaksOver(heard_ms, rng.choice((120, 300, 700, 1_500)), rng.choice(TEXTS))
    if kind < 0.6:
        return sc.Speaks(at_ms, rng.randrange(100, 3_000), rng.choice(TEXTS))
    if kind < 0.8:
        return sc.Coughs(at_ms, rng.choice((40, 80, 160, 500)))
    if kind < 0.95:
        return sc.Presses(at_ms, rng.choice("0123456789*#"))
    return sc.HangsUp(at_ms, rng.choice(list(sc.HangUp)))


def _answer(rng: random.Random) -> sc.Answer:
    return sc.Answer(
        created_ms=_mostly(rng, 60, 0, 400, 2_500) if rng.random() < 0.98 else GIVEN_UP_MS,
        first_ms=_mostly(rng, 150, 0, 900),
        items_ms=tuple(rng.randrange(20, 6_000) for _ in range(_few(rng, (0.08, 0.72, 0.2)))),
        delta_ms=rng.choice((20, 50, 100, 400)),
        pace=rng.choice((0, 1, 2, 8, 8, 8)),
        pause_ms=_mostly(rng, 0, 300, 1_500, 6_000, chance=0.85),
        tools=(sc.CallsTool(),) * _few(rng, (0.85, 0.1, 0.05)),
        ending=_mostly(rng, sc.Ending.COMPLETED, *sc.Ending, chance=0.85),
        cancelled=_mostly(rng, sc.Cancelled.OBEYS, *sc.Cancelled, chance=0.6),
        refusal=_mostly(rng, None, *sc.Refusal, chance=0.93),
        has_metadata=rng.random() < 0.95,
    )


def _application_act(rng: random.Random, length_ms: int) -> sc.ApplicationAct:
    at_ms = rng.randrange(length_ms)
    kind = rng.random()
    if kind < 0.55:
        return sc.Interrupts(at_ms)
    if kind < 0.92:
        return sc.Says(at_ms, protected=rng.random() < 0.3, keep=rng.random() < 0.3)
    return sc.Ends(at_ms)


def _fault(rng: random.Random, length_ms: int) -> sc.Fault:
    at_ms, wire = rng.randrange(length_ms), rng.choice((CARRIER, MODEL))
    lasting = (sc.Trouble.STALL, sc.Trouble.STALL_OUT, sc.Trouble.STALL_BACK, sc.Trouble.JAM)
    marks = (sc.Trouble.LOSE_MARK, sc.Trouble.LATE_MARK)
    fatal = (sc.Trouble.SILENCE, sc.Trouble.BREAK, sc.Trouble.CLOSE)
    kind = rng.random()
    if kind < 0.55:
        return sc.Fault(at_ms, wire, rng.choice(lasting), rng.choice((50, 300, 1_200, 4_000)))
    if kind < 0.8:
        return sc.Fault(at_ms, CARRIER, rng.choice(marks))
    if kind < 0.85:
        return sc.Fault(at_ms, MODEL, sc.Trouble.EXPIRY)
    return sc.Fault(at_ms, wire, rng.choice(fatal))
