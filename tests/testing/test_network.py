"""What befalls the networks befalls the call, and nothing is lost that was not thrown away."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from trio_media.config import Config, RealtimeConfig
from trio_media.testing import Call, ScriptedNetwork, ScriptError, make_call

MakeCall = Callable[..., Call]
TEXT = "Our kitchen is open until eleven at night."


def network_of(call: Call, wire: str) -> ScriptedNetwork:
    return {"carrier": call.carrier_network, "model": call.model_network}[wire]


@pytest.mark.parametrize("wire", ["carrier", "model"])
@pytest.mark.parametrize("verb", ["stalls", "jams"])
async def test_what_is_held_up_is_heard_later(call: Call, wire: str, verb: str) -> None:
    call.model.speaks(TEXT, length_ms=3_000)
    getattr(network_of(call, wire), verb)(at_ms=500, length_ms=700)
    await call.run(until_ms=9_000)
    assert call.phone.heard == TEXT
    assert call.record().faults[0][1].startswith(wire)


@pytest.mark.parametrize("wire", ["carrier", "model"])
async def test_latency_is_added_before_and_in_mid_call(make_call: MakeCall, wire: str) -> None:
    begins_ms = []
    for latency_ms in (40, 140):
        call = make_call()
        network_of(call, wire).has_latency(latency_ms)
        call.model.speaks("Hello.")
        await call.run(until_ms=6_000)
        begins_ms.append(call.phone.heard_spans[0].at_ms)
    assert begins_ms[1] > begins_ms[0]
    late = make_call()
    async with late.running():
        await late.at(3_000)
        network_of(late, wire).has_latency(500, jitter_ms=100)
        late.phone.says("Hello?")
        await late.at(9_000)
    entries = [e for e in late.record().entries if e.wire == wire and e.sent_ms > 3_000]
    transits_ms = [e.came_ms - e.sent_ms for e in entries if e.came_ms is not None]
    assert max(transits_ms) >= 500


@pytest.mark.parametrize("verb", ["breaks", "closes", "goes_silent"])
async def test_a_lost_carrier_ends_the_call(call: Call, verb: str) -> None:
    getattr(call.carrier_network, verb)(at_ms=2_000)
    await call.run(until_ms=90_000)
    assert call.now_ms < 55_000
    assert call.end_reason == "carrier_lost"


@pytest.mark.parametrize("verb", ["breaks", "closes"])
async def test_a_lost_model_that_is_not_made_anew_ends_the_call(
    make_call: MakeCall, verb: str
) -> None:
    call = make_call(config=Config(realtime=RealtimeConfig(reconnect_max=0)))
    getattr(call.model_network, verb)(at_ms=3_000)
    await call.run(until_ms=60_000)
    assert call.end_reason == "model_lost"


@pytest.mark.parametrize("websockets", [False, True])
async def test_silence_alone_ends_no_call(make_call: MakeCall, websockets: bool) -> None:
    call = make_call(websockets=websockets)
    await call.run(until_ms=60_000)
    assert call.now_ms >= 60_000
    assert call.end_reason == "caller_hung_up"


@pytest.mark.parametrize(
    ("direct", "what"),
    [
        (lambda n: n.stalls(length_ms=0), r"stalls: length_ms .* from 1 on, not 0"),
        (lambda n: n.has_latency(-1), r"has_latency: latency_ms .* not -1"),
        (lambda n: n.has_latency(1, jitter_ms="x"), r"has_latency: jitter_ms .* not 'x'"),
        (lambda n: n.breaks(at_ms=-1), r"breaks: at_ms .* not -1"),
    ],
)
def test_directions_without_sense_are_refused_by_name(direct: object, what: str) -> None:
    assert callable(direct)
    with pytest.raises(ScriptError, match=what):
        direct(make_call().carrier_network)
