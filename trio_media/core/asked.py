"""The promises to whoever asks something of a call: words, keys, tools, its end.

Each request has exactly one outcome, and the outcome is true.  A call that is to end when all of it
was heard cuts nobody off, and is kept by the caller who may keep it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from trio_media.core import commands as cm
from trio_media.core import events as ev
from trio_media.core import unanswered
from trio_media.core.dues import ANSWERS
from trio_media.core.known import KnownEnding
from trio_media.core.ledger import Ledger
from trio_media.core.promises import SPEECH, require
from trio_media.core.units import ENDING_SILENT_MS, HEARD_ENOUGH_MS, WORDS_AGAIN_MS

# --- what was asked for ----------------------------------------------------------------------


def create_has_a_reason(ledger: Ledger, command: cm.CreateResponse) -> None:
    """What is said is asked for, or fills a silence that there is, and not without end."""
    dues = ledger.dues
    is_held = dues.held and command.cause in ANSWERS
    is_held = is_held or (bool(dues.runs & dues.holding) and command.cause in ANSWERS)
    require(not is_held, "one answer", "while answers are held")
    is_left = ledger.ending is not None and ledger.ending.left_ms is not None
    require(not is_left, "end", "a create while the call is handed over")
    match command.cause:
        case cm.Cause.FILLER:
            require(bool(dues.runs & dues.filled), "tools", "a filler, and no tool runs")
            require(not is_speaking(ledger), "tools", "a filler while somebody speaks")
        case cm.Cause.SILENCE:
            is_due = ledger.policy.silence_ms and dues.silences < ledger.policy.silence_asks
            require(bool(is_due), "quiet", "a word is asked for too often")
            is_quiet = not dues.runs and not is_speaking(ledger) and not ledger.ending
            require(is_quiet, "quiet", "a word is asked for while something goes on")
        case cm.Cause.GOODBYE:
            ending = ledger.ending
            is_wanted = ending is not None and (ending.has_words or ending.tries > 0)
            require(is_wanted, "end", "a goodbye for nothing")
            assert ending is not None
            ending.has_words, ending.tries = False, 0
        case cm.Cause.APPLICATION:
            is_due = command.request is None or command.request in dues.asked
            require(bool(is_due), "one answer", f"nobody asked for {command.request}")
        case _:
            return


def speech_ends_once(ledger: Ledger, command: cm.SpeechEnded | cm.SpeechDropped) -> None:
    """Whoever asks for words has one outcome, and not while they are to be asked for again."""
    is_waiting = command.request in ledger.dues.unended
    require(is_waiting, "outcome", f"request {command.request} has two outcomes, or nobody's")
    if isinstance(command, cm.SpeechDropped) or command.request not in ledger.dues.asked:
        return
    if command.outcome is not cm.SpeechOutcome.CALL_ENDED:
        is_lost = ledger.gives_up or ledger.is_lost
        require(is_lost, "one answer", f"request {command.request} is not tried again")


def speech_end_is_true(ledger: Ledger, command: cm.SpeechEnded) -> None:
    """Heard is what real time allows; all of it is all, but for what nobody can tell."""
    of_it = [
        item
        for item in ledger.items.values()
        if (response := ledger.of_item(item)) is not None and response.request == command.request
    ]
    audible_ms = sum(item.audible_ms for item in of_it)
    received_ms = sum(item.received_ms for item in of_it)
    detail = f"request {command.request}: heard {command.heard_ms} of {received_ms}"
    if not ledger.is_lost:  # then nobody counts what came any more
        require(command.heard_ms <= audible_ms, "truth", f"{detail}, by real time {audible_ms}")
    whose = [r for r in ledger.responses.values() if r.request == command.request]
    was_completed = bool(whose) and whose[-1].was_completed  # the last try counts
    if command.outcome is cm.SpeechOutcome.HEARD:
        enough_ms = max(1, received_ms - HEARD_ENOUGH_MS * len(of_it))
        is_whole = was_completed and command.heard_ms >= enough_ms
        require(is_whole, "truth", f"{detail}, and is all of it")
    elif was_completed and received_ms:
        is_whole = command.heard_ms == received_ms
        require(not is_whole, "truth", f"{detail}, and is {command.outcome.value}")


def digits_are_whole(ledger: Ledger, command: cm.DigitsCollected) -> None:
    """Whoever asks for keys gets them once, and not more than were asked for."""
    count = ledger.dues.digits.get(command.request)
    require(count is not None, "outcome", f"request {command.request} has keys twice")
    assert count is not None
    is_whole = command.outcome is not cm.DigitsOutcome.COMPLETE or len(command.digits) == count
    require(is_whole and len(command.digits) <= count, "keys", f"{command.digits} of {count}")


def end_is_heard(ledger: Ledger, now_ms: int) -> None:
    """A call that ends when everything was heard cuts nobody off."""
    ending = ledger.ending
    require(ending is not None, "end", "nobody asked for it")
    assert ending is not None
    if now_ms >= ending.since_ms + ENDING_SILENT_MS:
        return
    require(not ledger.was_speaking, "end", "the model is cut off")
    require(not ending.has_words or ledger.is_lost, "end", "its words were not said")
    is_working = bool(ledger.dues.runs - {ending.tool_call_id})
    require(not is_working or ledger.is_lost, "end", "a tool runs")
    is_free = ending.is_final or ledger.is_lost or not ledger.is_turn("open")
    require(is_free, "end", "the caller is in a turn that may keep the call")


def ending_may_settle(ledger: Ledger, command: cm.EndingSettled) -> None:
    """A final ending is not revoked by anybody."""
    if command.outcome is cm.EndingOutcome.REVOKED:
        is_free = ledger.ending is not None and not ledger.ending.is_final
        require(is_free, "end", "a final ending is revoked")


def caller_keeps_the_call(ledger: Ledger, out: Sequence[cm.Command]) -> None:
    """Words of the caller revoke an ending that they may revoke."""
    ending = ledger.ending
    if ending is None or ending.is_final or ending.left_ms is not None:
        return
    for command in out:
        if isinstance(command, cm.TurnDecided) and command.item_id not in ending.said:
            is_answered = command.fate.startswith("answered")
            require(not is_answered, "end", "the caller is answered, and the call ends")
    require(not ledger.has_caller_taken, "end", "the caller interrupts, and the call ends")


def _counts_now(command: cm.Command, event: ev.Event) -> bool:
    """Whether a turn counts since this event: one that waited for its answer did before."""
    if not isinstance(event, ev.TurnCommitted) or not isinstance(command, cm.TurnDecided):
        return False
    return command.item_id == event.item_id and command.fate.startswith("answered")


def interrupted_tools_end(ledger: Ledger, event: ev.Event, out: Sequence[cm.Command]) -> None:
    """What gives way to the caller does so at once."""
    is_due = isinstance(event, ev.InterruptRequested) or any(
        _counts_now(c, event) or (isinstance(c, cm.Taken) and c.reason in SPEECH) for c in out
    )
    is_due = is_due and not ledger.is_lost
    left = sorted(ledger.dues.runs & ledger.dues.giving_way) if is_due else []
    require(not left, "tools", f"{', '.join(left)} does not give way")


def cancelled_tool_ran(ledger: Ledger, command: cm.CancelTool) -> None:
    """What is cancelled runs."""
    is_running = command.call_id in ledger.dues.runs
    require(is_running, "tools", f"{command.call_id} is cancelled, and does not run")
    gives_way = command.call_id in ledger.dues.giving_way
    require(gives_way, "tools", f"{command.call_id} is cancelled, and gives way to nobody")


def keys_are_the_models(ledger: Ledger, command: cm.SendKeys) -> None:
    """The model gets the keys that were pressed, once, and those of nobody else."""
    dues = ledger.dues
    require(not dues.digits, "keys", "the model gets keys that were asked for")
    is_new = dues.keys.startswith(command.digits)
    require(is_new, "keys", f"the model gets {command.digits} of {dues.keys}")


# --- noted -----------------------------------------------------------------------------------


def is_speaking(ledger: Ledger) -> bool:
    """Whether something is open or heard that nobody took, protected or not."""
    for response in ledger.responses.values():
        if response.is_open and not response.is_taken:
            return True
    return is_audible(ledger)


def is_audible(ledger: Ledger) -> bool:
    """Whether something may be heard that nobody took, protected or not."""
    for audio in (*ledger.flying, *ledger.playing):
        of_it = ledger.of_item(ledger.items[audio.item_id])
        if of_it is not None and not of_it.is_taken:
            return True
    return False


def _says(ledger: Ledger, command: cm.SpeechEnded, event: ev.Event, now_ms: int) -> None:
    speech_ends_once(ledger, command)
    speech_end_is_true(ledger, command)


def _collects(ledger: Ledger, command: cm.DigitsCollected, event: ev.Event, now_ms: int) -> None:
    digits_are_whole(ledger, command)


def _cancels_tool(ledger: Ledger, command: cm.CancelTool, event: ev.Event, now_ms: int) -> None:
    cancelled_tool_ran(ledger, command)


def about_to_end(ledger: Ledger, event: ev.Event, out: Sequence[cm.Command]) -> None:
    """Note what an ending would cut off, if it came in this step."""
    ledger.gives_up = any(isinstance(command, cm.EndModelSession) for command in out)
    ledger.has_caller_taken = False
    ledger.was_speaking = ledger.ending is not None and is_speaking(ledger)
    if isinstance(event, ev.EndingRequested):
        ledger.was_speaking = is_speaking(ledger)


def goes_on(ledger: Ledger) -> None:
    """Something was taken or is over by itself: an ending in this step does not cut it off."""
    ledger.was_speaking = ledger.was_speaking and is_speaking(ledger)


def _begins_to_end(ledger: Ledger, command: cm.EndingBegan, event: ev.Event, now_ms: int) -> None:
    require(ledger.ending is None, "end", "two endings at once")
    said = {item_id for item_id, turn in ledger.turns.items() if turn == "undecided"}
    ledger.ending = KnownEnding(now_ms, said=said)
    if isinstance(event, ev.EndingRequested):
        ledger.ending.is_final, ledger.ending.leaves = event.is_final, event.leaves
        ledger.ending.has_words, ledger.ending.words = event.words is not None, event.words
        ledger.ending.tool_call_id = event.tool_call_id


def _keeps_on(ledger: Ledger, command: cm.EndingSettled, event: ev.Event, now_ms: int) -> None:
    ending_may_settle(ledger, command)
    is_left = ledger.ending is not None and ledger.ending.left_ms is not None
    if not (is_left and command.outcome is cm.EndingOutcome.REPLACED):
        ledger.ending = None  # else one that came while the call was being handed over


def _leaves(ledger: Ledger, command: cm.Leave, event: ev.Event, now_ms: int) -> None:
    end_is_heard(ledger, now_ms)
    assert ledger.ending is not None
    if ledger.is_lost and ledger.policy.forwards_without_model and command.request is None:
        ledger.ending.leaves = True  # nobody asked for it, but for the operator
    require(ledger.ending.leaves, "end", "the call was to end here")
    require(ledger.ending.left_ms is None, "end", "handed over twice")
    ledger.ending.left_ms = now_ms


def ends(ledger: Ledger, event: ev.Event, now_ms: int) -> None:
    """The call ends for a reason."""
    if isinstance(event, ev.HangUpRequested):
        return
    is_left = ledger.ending is not None and ledger.ending.left_ms is not None
    require(not is_left, "end", "it is being handed over")
    if not ledger.is_lost:
        end_is_heard(ledger, now_ms)
    elif ledger.ending is None:
        has_words = ledger.has_last_words or not ledger.policy.has_last_words
        require(has_words, "dead air", "the call ends without a word")


def _plays_recorded(ledger: Ledger, command: cm.PlayRecorded, event: ev.Event, now_ms: int) -> None:
    """What is played is true."""
    if command.words is cm.Recorded.GOODBYE:
        require(ledger.is_lost, "dead air", "a goodbye while the model comes back")
        require(not ledger.has_last_words, "dead air", "a second goodbye")
        ledger.has_last_words = True
    elif command.words is cm.Recorded.SORRY:
        unanswered.says_sorry(ledger)
    else:
        is_waiting = ledger.away_ms is not None or ledger.faults.was_tried
        require(is_waiting, "dead air", "the model is there")
        ledger.was_told, ledger.unheard_ms = True, None


def silence_is_told(ledger: Ledger, now_ms: int) -> None:
    """A caller who hears nothing while the model is away, or fails, is told that it comes back."""
    is_left = ledger.ending is not None and ledger.ending.left_ms is not None
    is_there = ledger.away_ms is None and not ledger.faults.is_tried
    is_told = is_there or ledger.is_lost or is_left or ledger.dues.held
    is_heard = ledger.is_heard or ledger.hushed_ms is not None or is_audible(ledger)
    if is_told or is_heard or not ledger.policy.away_words_ms:
        ledger.unheard_ms = None
        return
    if ledger.unheard_ms is None:
        ledger.unheard_ms = now_ms
    wait_ms = ledger.policy.away_words_ms
    wait_ms = max(wait_ms, WORDS_AGAIN_MS) if ledger.was_told else wait_ms
    is_late = now_ms > ledger.unheard_ms + wait_ms
    require(not is_late, "dead air", "the caller hears nothing, and is told nothing")


NOTES: Final[Mapping[type[cm.Command], Callable[[Ledger, Any, ev.Event, int], None]]] = {
    cm.CancelTool: _cancels_tool,
    cm.SpeechEnded: _says,
    cm.DigitsCollected: _collects,
    cm.EndingBegan: _begins_to_end,
    cm.EndingSettled: _keeps_on,
    cm.Leave: _leaves,
    cm.PlayRecorded: _plays_recorded,
}
