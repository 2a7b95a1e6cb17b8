"""Calls that come and go: so many lines, each of which has one call after the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from random import Random
from typing import Final

import attrs
import httpx
import trio
from fates import Caller, Fate, Plan, draw

from trio_media.errors import CallRefused, TrioMediaError
from trio_media.phone import Access, CallOptions, CallRecord, new_identity, place_call
from trio_media.phone.pulse import Pulse
from trio_media.phone.route import VOICE_PATH, Route, ask_webhook
from trio_media.phone.signature import HEADER, sign, signed_url
from trio_media.phone.wire import CallIdentity

AUTH_TOKEN: Final = "0123456789abcdef0123456789abcdef"
ACCOUNT_SID: Final = "AC0123456789abcdef0123456789abcdef"
TOKEN: Final = "token"  # the stream parameter that lets a call in
STATUS_PATH: Final = "/twilio/status"
ASK_S: Final = 20.0
BETWEEN_S: Final = 0.3  # at most, from one call of a line to the next
CALL_S_MAX: Final = 60.0  # no call of these lasts so long, whatever becomes of it
WRONG_MAX: Final = 50  # what is told; the first one matters


@attrs.define(eq=False)
class Population:
    """All callers, and what became of them."""

    url: str
    """Of the voice webhook."""
    lines: int
    seed: int
    fates: Counter[Fate] = attrs.field(factory=Counter)
    wrong: list[str] = attrs.field(factory=list)
    """What should not have happened."""
    _rounds: int = 0

    async def churn(self, seconds: float) -> None:
        """Have calls for a while, then have those hang up that are still there."""
        self._rounds += 1
        pulse, over = Pulse(), trio.Event()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(pulse.run)
            async with trio.open_nursery() as lines:
                for line in range(self.lines):
                    random = Random(f"{self.seed}/{self._rounds}/{line}")
                    lines.start_soon(_have_calls, self, random, pulse, over)
                await trio.sleep(seconds)
                over.set()
            nursery.cancel_scope.cancel()

    def note(self, what: str) -> None:
        """Note what should not have happened."""
        if len(self.wrong) < WRONG_MAX:
            self.wrong.append(what)


async def _have_calls(
    population: Population, random: Random, pulse: Pulse, over: trio.Event
) -> None:
    while not over.is_set():
        with trio.move_on_after(random.uniform(0, BETWEEN_S)):
            await over.wait()
        plan = draw(random)
        population.fates[plan.fate] += 1
        with trio.move_on_after(CALL_S_MAX) as scope:
            await _have_call(population, plan, pulse, over)
        if scope.cancelled_caught:
            population.note(f"{plan.fate.value}: no end after {CALL_S_MAX:g} s")


async def _have_call(population: Population, plan: Plan, pulse: Pulse, over: trio.Event) -> None:
    identity = new_identity(account_sid=ACCOUNT_SID)
    is_signed = plan.fate is not Fate.BAD_SIGNATURE
    access = Access(
        account_sid=ACCOUNT_SID, auth_token=AUTH_TOKEN if is_signed else AUTH_TOKEN[::-1]
    )
    try:
        route = await ask_webhook(population.url, identity, access)
    except CallRefused as refused:
        if is_signed:
            population.note(f"{plan.fate.value}: {refused}")
        return
    except TrioMediaError as error:
        population.note(f"{plan.fate.value}: {error}")
        return
    if not is_signed:
        population.note("a wrong signature was good enough")
    if plan.fate is Fate.NO_STREAM:
        await _tell_over(population, identity)
        return
    options = _options(identity, route, pulse)
    if plan.fate is Fate.BAD_TOKEN:
        options = attrs.evolve(options, custom_parameters=spoilt(route.parameters))
    record = await place_call(route.stream_url, script=Caller(plan), options=options, hang_up=over)
    _check(population, plan, record)
    if plan.fate is Fate.BAD_TOKEN:
        _check_unheard(population, plan, record)
        await _tell_over(population, identity)
    if plan.fate is Fate.OLD_TOKEN:
        again = await place_call(route.stream_url, script=Caller(plan), options=options)
        _check_unheard(population, plan, again)


async def _tell_over(population: Population, identity: CallIdentity) -> None:
    """Say that a call is over which had no media stream, as the carrier does."""
    url = population.url.replace(VOICE_PATH, STATUS_PATH)
    form = {"CallSid": identity.call_sid, "CallStatus": "completed"}
    headers = {HEADER: sign(AUTH_TOKEN, signed_url(url), form)}
    try:
        async with httpx.AsyncClient(trust_env=False, timeout=ASK_S) as client:
            status = (await client.post(url, data=form, headers=headers)).status_code
    except httpx.HTTPError as error:
        population.note(f"the status of a call: {type(error).__name__}: {error}")
        return
    if status >= 300:
        population.note(f"the status of a call: HTTP {status}")


def _options(identity: CallIdentity, route: Route, pulse: Pulse) -> CallOptions:
    return CallOptions(
        identity=identity,
        auth_token=AUTH_TOKEN,
        custom_parameters=route.parameters,
        records_audio=False,
        records_wire=False,
        pulse=pulse,
    )


def spoilt(parameters: Mapping[str, str]) -> dict[str, str]:
    """Return the parameters with a token that nobody made."""
    return {**parameters, TOKEN: parameters[TOKEN][::-1]}


def _check(population: Population, plan: Plan, record: CallRecord) -> None:
    if record.ended_by not in plan.ends:
        population.note(f"{plan.fate.value}: {record.ended_by.value}: {record.detail}")
    for violation in record.violations[:1]:
        population.note(f"the server broke the protocol: {violation}")


def _check_unheard(population: Population, plan: Plan, record: CallRecord) -> None:
    if record.media_received:
        population.note(f"{plan.fate.value}: it was let in")
