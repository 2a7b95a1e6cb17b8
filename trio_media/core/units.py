"""The core's unit is the integer millisecond; every constant says its reason.

Rule 1: no floats and no bytes here.  The shell quantises before the core sees anything.
"""

from __future__ import annotations

from typing import Final

FRAME_MS: Final = 20  # telephony's frame; audio goes out in multiples of it, the tail padded
CHUNK_MS: Final = 200  # most audio in one write: what a hush may have to let finish
REWIND_MS: Final = 100  # a resume starts this much before the position, to rejoin a word
QUIET_MS: Final = 200  # silence after which a hush was false
FALSE_HUSH_WINDOW_MS: Final = 10_000  # two false hushes within this are noise, not speech
WEAK_IGNORED_MS: Final = 10_000  # ... and weak evidence is ignored for this long
SERVER_GRACE_MS: Final = 600  # how long strong local evidence waits for the server's own
LONG_SERVER_SPEECH_MS: Final = 700  # server speech beyond its silence time that is strong evidence
VOICE_LEAD_MS: Final = 1_000  # how long before the server the local ear may hear the same words
LOCAL_SPEECH_MAX_MS: Final = 30_000  # local speech without end is noise that nobody means
NOISE_WAIT_MS: Final = 8_000  # noise that nobody takes for speech delays an owed answer by this
KEYS_PAUSE_MS: Final = 1_500  # no key for this long: the caller has finished dialling
KEYS_KEPT: Final = 256  # more at a stretch nobody dials; the rest is noise
CREATES_KEPT: Final = 64  # requests to speak that may wait; more are dropped at once
SERVER_CREATE_MS: Final = 1_500  # after a commit the server's own response is due within this
VERDICT_MS: Final = 3_000  # a transcript that takes longer counts as empty
TURN_COMMIT_MS: Final = 2_000  # a turn that stopped must be committed within this
TURN_SILENT_MS: Final = 30_000  # a turn in which nobody is heard locally is over
TURN_MAX_MS: Final = 60_000  # nobody speaks for so long without a pause that ends a turn
RECORDED_MS: Final = 100  # words of ours begin to play within this, or there are none
WORDS_AGAIN_MS: Final = 10_000  # whoever waits for the model is told so again after this
FLAGS_MS: Final = 5_000  # a session.update must be confirmed within this
FLAGS_TRIES: Final = 3  # ... and one that gives the server its authority back is asked so often
HEARD_ENOUGH_MS: Final = 150  # so little unheard is less than the uncertainty of hearing
MARK_LATE_MS: Final = 500  # a mark later than this holds the position
MARK_LOST_MS: Final = 2_000  # a mark later than this is lost
REQUESTED_MS: Final = 10_000  # a create without any answer
ACTIVE_MS: Final = 30_000  # a response without progress
CANCELLING_MS: Final = 3_000  # a cancelled response without progress
CANCELLING_TOTAL_MS: Final = 30_000  # a cancelled response that goes on and on
CREATE_RETRY_MS: Final = 250  # between tries when an unknown response blocks ours
CREATE_TRIES: Final = 8  # ... and then the session cannot be what we think it is
RATE_PAUSE_MS: Final = 1_000  # for a service of which we ask too much; then twice that, and so on
RATE_TRIES: Final = 3  # ... so that a caller waits for 7 s and no longer
FAULT_TRIES: Final = 2  # of what failed, which was bad luck, or else is not mended by more of them
CONTINUATIONS: Final = 2  # an answer goes on so often: who is cut off so often says too much
SORRIES_IN_A_ROW: Final = 3  # nobody says it a fifth time
CANCEL_RETRY_MS: Final = 100  # an unwritten cancel is issued again after this
RECOVERIES_IN_A_ROW: Final = 2  # answers owed to nobody's words, before we wait for words
FILLER_AGAIN_MS: Final = 10_000  # a tool that takes long is spoken of again after this
ENDING_SILENT_MS: Final = 10_000  # an ending waits so long while nothing is heard of the model
ENDING_MAX_MS: Final = 120_000  # ... and so long in all: nobody says goodbye for longer
LEAVE_MS: Final = 30_000  # a call is handed over within this, or goes on
COLLECTIONS_KEPT: Final = 16  # requests for keys that may wait for each other
RECORDS_KEPT: Final = 64  # responses that late events may still name
TURNS_KEPT: Final = 16  # turns that late events may still name

assert CHUNK_MS % FRAME_MS == 0
assert MARK_LATE_MS < MARK_LOST_MS
assert TURN_SILENT_MS < TURN_MAX_MS
assert CANCELLING_MS < CANCELLING_TOTAL_MS


def frames_down(length_ms: int) -> int:
    """Round down to whole frames."""
    return length_ms - length_ms % FRAME_MS


def frames_up(length_ms: int) -> int:
    """Round up to whole frames."""
    return length_ms + -length_ms % FRAME_MS


def earliest(*times_ms: int | None) -> int | None:
    """Return the earliest of the times that are set, or None."""
    first_ms: int | None = None
    for at_ms in times_ms:
        if at_ms is not None and (first_ms is None or at_ms < first_ms):
            first_ms = at_ms
    return first_ms
