"""What the application of a simulated call does, carried out by the call's control."""

from __future__ import annotations

from typing import Final

from trio_media.call.control import CallControl, Words
from trio_media.simulation.calls import scenario as sc
from trio_media.simulation.calls.sounds import clip_audio
from trio_media.telephony.twiml import Dial, Number

MORE: Final = Words(text="Say more.")
GOODBYE: Final = Words(text="Say goodbye.")
ONWARD: Final = (Dial(target=Number("+15550100")),)


async def apply(control: CallControl, act: sc.ApplicationAct, number: int) -> None:
    """Do it, and wait for its outcome.  ``number``: of the act, for its label."""
    match act:
        case sc.Interrupts():
            await control.interrupt()
        case sc.Says(protected=protected, keep=keep, interrupts=interrupts):
            spoken = await control.speak(MORE, protected=protected, keep=keep, interrupt=interrupts)
            await spoken.wait()
        case sc.Plays(length_ms=length_ms, protected=protected):
            audio = clip_audio(number, length_ms)
            await (await control.play(audio, protected=protected)).wait()
        case sc.Collects(count=count, first_ms=first_ms):
            await control.collect_digits(count, first_ms=first_ms, between_ms=sc.BETWEEN_KEYS_MS)
        case sc.EndsWhenHeard(has_words=has_words, is_final=is_final, leaves=leaves):
            ended = await control.end(
                words=GOODBYE if has_words else None,
                is_final=is_final,
                onward=ONWARD if leaves else (),
            )
            await ended.wait()
        case sc.Ends():
            await control.hang_up()
