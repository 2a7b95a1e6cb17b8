"""TwiML, read back, and compared with what Twilio's own SDK writes."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twilio.twiml.voice_response import (  # type: ignore[import-untyped]
    Connect,
    Stream,
    VoiceResponse,
)

from trio_media.errors import LocalProtocolError
from trio_media.telephony.twiml import (
    PARAMETER_CHARS_MAX,
    SAY_CHARS_MAX,
    Conference,
    Dial,
    DialTarget,
    Hangup,
    Number,
    Pause,
    Play,
    Redirect,
    Reject,
    Say,
    Sip,
    Verb,
    connect_stream,
    say_and_hang_up,
    voice_response,
)

STREAM_URL = "wss://host.example/twilio/media"


def same_xml(ours: str, theirs: object) -> bool:
    return bool(ElementTree.canonicalize(ours) == ElementTree.canonicalize(str(theirs)))


def test_a_connected_media_stream_is_written_as_the_sdk_writes_it() -> None:
    response = VoiceResponse()
    connect = Connect()
    stream = Stream(url=STREAM_URL)
    stream.parameter(name="token", value="a<b>&\"c'")
    stream.parameter(name="caller", value="+15551234567")
    connect.append(stream)
    response.append(connect)
    response.say("Goodbye & thanks")
    response.redirect("https://host.example/next?call=1&x=2")
    response.hangup()
    ours = connect_stream(
        STREAM_URL,
        {"token": "a<b>&\"c'", "caller": "+15551234567"},
        [
            Say("Goodbye & thanks"),
            Redirect("https://host.example/next?call=1&x=2"),
            Hangup(),
        ],
    )
    assert same_xml(ours, response)


def test_a_short_answer_is_written_as_the_sdk_writes_it() -> None:
    response = VoiceResponse()
    response.say("Sorry <all> lines are busy")
    response.hangup()
    assert same_xml(say_and_hang_up("Sorry <all> lines are busy"), response)


@pytest.mark.parametrize("verb", [Reject(), Reject("busy")])
def test_a_refusal_is_written_as_the_sdk_writes_it(verb: Reject) -> None:
    response = VoiceResponse()
    response.reject(reason=verb.reason)
    assert same_xml(voice_response([verb]), response)


def test_a_transfer_is_written_as_the_sdk_writes_it() -> None:
    response = VoiceResponse()
    response.dial(
        caller_id="+15550001111", timeout=20, time_limit=3600, action="https://h/done?a=1&b=2"
    ).number("+15551234567")
    response.dial(caller_id="desk").sip("sip:a&b@host.example;x=1")
    response.dial(action="/next").number("+15551234567")
    ours = voice_response(
        [
            Dial(
                target=Number("+15551234567"),
                caller_id="+15550001111",
                timeout_s=20,
                time_limit_s=3600,
                action_url="https://h/done?a=1&b=2",
            ),
            Dial(target=Sip("sip:a&b@host.example;x=1"), caller_id="desk"),
            Dial(target=Number("+15551234567"), action_url="/next"),
        ]
    )
    assert same_xml(ours, response)


def test_a_conference_is_written_as_the_sdk_writes_it() -> None:
    response = VoiceResponse()
    response.dial().conference(
        "room <1> & more",
        start_conference_on_enter=False,
        end_conference_on_exit=True,
        wait_url="https://h/wait?a&b",
        beep="false",
    )
    response.dial().conference(
        "r", start_conference_on_enter=True, end_conference_on_exit=False, wait_url=""
    )
    waits = Conference(
        name="room <1> & more",
        starts_on_enter=False,
        ends_on_exit=True,
        wait_url="https://h/wait?a&b",
        beeps=False,
    )
    ours = voice_response(
        [Dial(target=waits), Dial(target=Conference(name="r", wait_url=""))],
    )
    assert same_xml(ours, response)
    (room,) = ElementTree.fromstring(voice_response([Dial(target=Conference(name="r"))]))[0]
    assert set(room.attrib) == {"startConferenceOnEnter", "endConferenceOnExit"}


def test_keys_sounds_pauses_and_redirects_are_written_as_the_sdk_writes_them() -> None:
    response = VoiceResponse()
    response.play(digits="1w*W#2A")
    response.play("https://h/tune.wav?a=1&b=2")
    response.pause(length=3)
    response.redirect("next", method="GET")
    response.redirect("next")
    ours = voice_response(
        [
            Play(digits="1w*W#2A"),
            Play(url="https://h/tune.wav?a=1&b=2"),
            Pause(3),
            Redirect("next", "GET"),
            Redirect("next"),
        ]
    )
    assert same_xml(ours, response)


@pytest.mark.parametrize(
    ("target", "complaint"),
    [
        (Number("5551234567"), "whom to dial"),
        (Sip("sip:<a>"), "whom to dial"),
        (Sip("+15551234567"), "the other kind"),
        (Number("sip:a@b"), "the other kind"),
        (Conference(name=""), "Conference: a name"),
        (Conference(name="x" * 129), "not 129"),
        (Conference(name="\x00"), "Conference"),
        (Conference(name="r", wait_url="\x00"), "wait url"),
    ],
)
def test_a_target_that_twilio_refuses_is_not_written(target: DialTarget, complaint: str) -> None:
    with pytest.raises(LocalProtocolError, match=complaint):
        voice_response([Dial(target=target)])


def test_the_longest_name_of_a_conference_is_written() -> None:
    assert "x" * 128 in voice_response([Dial(target=Conference(name="x" * 128))])


def test_nothing_need_follow_and_nothing_need_be_told() -> None:
    root = ElementTree.fromstring(connect_stream("ws://127.0.0.1:8080", {}, []))
    assert [child.tag for child in root] == ["Connect"]
    assert root.find("Connect/Stream/Parameter") is None


def test_the_document_declares_its_encoding() -> None:
    assert say_and_hang_up("Ü").startswith('<?xml version="1.0" encoding="UTF-8"?>')


# A carriage return in an element's text is a line feed for every reader of XML.
xml_text = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"),
    min_size=1,
    max_size=40,
)
verbs: st.SearchStrategy[Verb] = (
    st.builds(Say, xml_text) | st.builds(Redirect, xml_text) | st.just(Hangup())
)


@given(parameters=st.dictionaries(xml_text, xml_text, max_size=4), after=st.lists(verbs))
@settings(max_examples=100, deadline=None)
def test_what_is_written_can_be_read_back(parameters: dict[str, str], after: list[Verb]) -> None:
    root = ElementTree.fromstring(connect_stream(STREAM_URL, parameters, after).encode())
    stream = root.find("Connect/Stream")
    assert stream is not None
    assert stream.get("url") == STREAM_URL
    assert {p.attrib["name"]: p.attrib["value"] for p in stream} == parameters
    assert [element.tag for element in root[1:]] == [type(verb).__name__ for verb in after]
    texts = [getattr(verb, "text", getattr(verb, "url", None)) for verb in after]
    assert [element.text for element in root[1:]] == texts


@pytest.mark.parametrize(
    "stream_url",
    [
        "",
        "https://host/media",
        "wss:///media",
        "host/media",
        "wss://host/media?x=1",
        "wss://host/media#f",
        "wss://host/a b",
        "wss://host/\x00",
    ],
)
def test_a_url_that_twilio_refuses_is_not_written(stream_url: str) -> None:
    with pytest.raises(LocalProtocolError, match="stream url"):
        connect_stream(stream_url, {}, [])


def test_parameters_have_a_limit_that_they_may_reach() -> None:
    value = "x" * (PARAMETER_CHARS_MAX - 1)
    assert value in connect_stream(STREAM_URL, {"n": value}, [])
    with pytest.raises(LocalProtocolError, match="'n'"):
        connect_stream(STREAM_URL, {"n": value + "x"}, [])
    with pytest.raises(LocalProtocolError, match="needs a name"):
        connect_stream(STREAM_URL, {"": "v"}, [])


@pytest.mark.parametrize("parameters", [{"token": "secret\x00"}, {"to\ud800ken": "secret"}])
def test_what_xml_cannot_hold_is_named_without_its_value(parameters: dict[str, str]) -> None:
    with pytest.raises(LocalProtocolError, match="parameter 'to") as caught:
        connect_stream(STREAM_URL, parameters, [])
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("verb", "name"),
    [
        (Say(""), "Say"),
        (Say("x" * (SAY_CHARS_MAX + 1)), "Say"),
        (Say("\x07"), "Say"),
        (Redirect(""), "Redirect"),
        (Redirect("\x00"), "Redirect"),
        (Play(), "Play"),
        (Play(url="a", digits="1"), "Play"),
        (Play(url="\x00"), "Play"),
        (Play(digits="1 2"), "digits are"),
        (Play(digits="1\n"), "digits are"),
        (Pause(0), "Pause: 1 to 14400"),
        (Pause(14_401), "Pause"),
        (Dial(target=Number("+15551234567"), timeout_s=0), "Dial timeout: 1 to 600"),
        (Dial(target=Number("+15551234567"), timeout_s=601), "Dial timeout"),
        (Dial(target=Number("+15551234567"), time_limit_s=14_401), "Dial time limit"),
        (Dial(target=Number("+15551234567"), caller_id="desk"), "caller id"),
        (Dial(target=Sip("sip:a@b"), caller_id="\x00"), "caller id"),
        (Dial(target=Number("+15551234567"), action_url="\x00"), "Dial action"),
    ],
)
def test_a_verb_that_twilio_refuses_is_not_written(verb: Verb, name: str) -> None:
    with pytest.raises(LocalProtocolError, match=name):
        connect_stream(STREAM_URL, {}, [verb])
    with pytest.raises(LocalProtocolError, match=name):
        voice_response([Hangup(), verb])


def test_the_longest_text_is_spoken() -> None:
    assert "x" * SAY_CHARS_MAX in say_and_hang_up("x" * SAY_CHARS_MAX)
