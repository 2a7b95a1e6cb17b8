"""What the application of a simulated call does, carried out by the call's control."""

from __future__ import annotations

from typing import Final

from trio_media.call.control import CallControl, Words
from trio_media.simulation.calls import scenario as sc
from trio_media.simulation.calls.record import Wish
from trio_media.simulation.calls.sounds import clip_audio
from trio_media.telephony.twiml import Dial, Number

MORE: Final = Words(text="Say more.")
GOODBYE: Final = Words(text="Say goodbye.")
ONWARD: Final = (Dial(target=Number("+15550100")),)


async def apply(
    control: CallControl, act: sc.ApplicationAct, number: int
) -> tuple[str, str] | None:
    """Do it, and wait for its outcome; return the wish and the outcome, where there is one.

    ``number``: of the act, for the label of its clip.
    """
    match act:
        case sc.Interrupts():
            return _told(Wish.INTERRUPT, (await control.interrupt()).outcome.value)
        case sc.Says(protected=protected, keep=keep, interrupts=interrupts):
            spoken = await control.speak(MORE, protected=protected, keep=keep, interrupt=interrupts)
            return _told(Wish.SPEAK, (await spoken.wait()).outcome.value)
        case sc.Plays(length_ms=length_ms, protected=protected):
            played = await control.play(clip_audio(number, length_ms), protected=protected)
            return _told(Wish.PLAY, (await played.wait()).outcome.value)
        case sc.Collects(count=count, first_ms=first_ms):
            keys = await control.collect_digits(
                count, first_ms=first_ms, between_ms=sc.BETWEEN_KEYS_MS
            )
            return _told(Wish.DIGITS, keys.outcome.value)
        case sc.EndsWhenHeard(has_words=has_words, is_final=is_final, leaves=leaves):
            ended = await control.end(
                words=GOODBYE if has_words else None,
                is_final=is_final,
                onward=ONWARD if leaves else (),
            )
            return _told(Wish.END, (await ended.wait()).value)
        case sc.Ends():
            await control.hang_up()
            return None


def _told(wish: Wish, outcome: str) -> tuple[str, str]:
    return wish.value, outcome
