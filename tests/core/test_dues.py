from __future__ import annotations

from trio_media.core import commands as cm
from trio_media.core import events as ev
from trio_media.core.dues import Dues

CALLED = ev.ToolCalled("R1", "R1.call", "call")
NO_OUTCOME = "whoever asked for words does not know what became of them"


def test_a_request_is_asked_for_until_it_is_created_or_dropped() -> None:
    dues = Dues()
    for request, keep in ((1, False), (2, True), (3, False)):
        dues.saw(ev.SpeechRequested(request, ev.Say.APPLICATION, keep=keep))
    assert (dues.asked, dues.kept) == ({1, 2, 3}, {2})
    dues.took(cm.SpeechDropped(1), set())
    dues.took(cm.CreateResponse(1, 1, cm.Cause.APPLICATION, 1, 2), set())
    dues.took(cm.CreateResponse(2, 2, cm.Cause.TURN, 2), set())
    assert dues.asked == {3}


def test_a_greeting_is_one_only_before_the_caller_spoke() -> None:
    dues = Dues()
    dues.saw(ev.SpeechRequested(1, ev.Say.GREETING))
    dues.took(cm.TurnDecided("T1", "void"), set())
    assert not dues.has_begun
    dues.took(cm.TurnDecided("T1", "answered by the server"), set())
    dues.saw(ev.SpeechRequested(2, ev.Say.GREETING))
    assert (dues.greetings, dues.has_begun) == ({1}, True)


def test_keys_are_due_until_they_are_sent() -> None:
    dues = Dues()
    dues.saw(ev.KeyPressed("1"))
    dues.saw(ev.KeyPressed("2"))
    assert dues.keys == "12"
    dues.took(cm.SendKeys(1, "12"), set())
    assert (dues.keys, dues.has_begun) == ("", True)


def test_a_result_is_due_an_answer_and_an_output_without_a_run_is_none() -> None:
    dues = Dues()
    dues.saw(CALLED)
    dues.took(cm.RunTool("call"), set())
    assert dues.calls_of("R1")
    dues.took(cm.PostToolOutput(1, "call", was_run=True), set())
    assert (dues.calls_of("R1"), dues.results) == (False, {"R1"})
    dues.saw(CALLED)  # again
    assert dues.calls == {}
    dues.took(cm.CreateResponse(2, 2, cm.Cause.TURN, 2), set())
    assert dues.results == {"R1"}  # it is not over, so this is no answer to it
    dues.took(cm.CreateResponse(3, 3, cm.Cause.TURN, 3), {"R1"})
    assert dues.results == set()
    dues.saw(ev.ToolCalled("R2", "R2.call", "other"))
    dues.took(cm.PostToolOutput(4, "other", was_run=False), set())
    dues.took(cm.PostToolOutput(5, "unknown", was_run=True), set())
    assert dues.results == set()


def test_what_is_tried_again_is_asked_for_again() -> None:
    dues = Dues()
    dues.again(7, is_answer=False)
    dues.again(None, is_answer=True)
    assert (dues.asked, dues.answers_again) == ({7}, 1)
    dues.took(cm.CreateResponse(1, 1, cm.Cause.TURN, 1), set())
    assert dues.answers_again == 0


def test_nothing_is_due_without_a_session() -> None:
    dues = Dues()
    dues.saw(ev.SpeechRequested(1, ev.Say.APPLICATION))
    dues.saw(ev.KeyPressed("1"))
    dues.saw(CALLED)
    dues.lost()
    assert list(dues.unpaid({"R1"})) == [NO_OUTCOME], "but whoever asked is told"
    dues.took(cm.SpeechDropped(1), set())
    assert list(dues.unpaid({"R1"})) == []
    assert not dues.calls_of("R1")


def test_whoever_wants_keys_is_due_them() -> None:
    dues = Dues()
    dues.saw(ev.DigitsRequested(1, 2, "#", 100, 100))
    assert list(dues.unpaid(set())) == ["somebody waits for keys"]
    dues.saw(ev.KeyPressed("1"))
    dues.saw(ev.KeyPressed("#"))
    dues.saw(ev.KeyPressed("2"))
    dues.took(cm.DigitsCollected(1, "1", cm.DigitsOutcome.TERMINATED), set())
    assert dues.keys == "2", "the key that ends them is nobody's"
    assert list(dues.unpaid(set())) == ["the model does not know of keys"]
    dues.saw(ev.DigitsRequested(2, 2, "#", 100, 100))
    dues.saw(ev.DigitsAbandoned(2))
    assert list(dues.unpaid(set())) == []


def test_words_of_the_caller_begin_the_silences_anew() -> None:
    dues = Dues()
    for command in (
        cm.TurnDecided("T1", "answered"),
        cm.TurnDecided("T1", "void"),
        cm.Taken(1, ev.Reason.LOCAL_SPEECH, None, ()),
        cm.Taken(1, ev.Reason.SERVER_SPEECH, None, ()),
    ):
        dues.took(cm.CreateResponse(1, 1, cm.Cause.SILENCE, 1), set())
        assert dues.silences == 1
        dues.took(command, set())
        assert dues.silences == 0
    dues.took(cm.CreateResponse(1, 1, cm.Cause.SILENCE, 1), set())
    dues.took(cm.Taken(1, ev.Reason.APPLICATION, None, ()), set())
    assert dues.silences == 1
    dues.saw(ev.KeyPressed("1"))
    assert dues.silences == 0


def test_who_was_told_is_told_and_nobody_is_who_did_not_ask() -> None:
    dues = Dues()
    dues.saw(ev.SpeechRequested(1, ev.Say.APPLICATION))
    assert not dues.is_told(1)
    assert not dues.is_told(None)
    dues.took(cm.SpeechEnded(1, cm.SpeechOutcome.FAILED, 0), set())
    assert dues.is_told(1)
