"""What machines say is told from what people say."""

from __future__ import annotations

import pytest

from trio_media.agent.voicemail_phrases import MACHINE, clues_in, plain

GREETINGS = (
    "Hi, you've reached Bob. Please leave a message after the beep!",
    "Your call has been forwarded to an automated voice messaging system.",
    "The person you are trying to reach is not available. At the tone, please record your message.",
    "You have reached the voicemail of five five five, one two three four.",
    "Sorry I missed you. Leave your name and number.",
    "The mailbox is full and cannot accept any messages.",
    "Guten Tag, bitte hinterlassen Sie eine Nachricht nach dem Signalton.",
    "Der angerufene Teilnehmer ist zurzeit nicht erreichbar.",
    "Bonjour, laissez un message après le bip sonore.",
    "Vous êtes bien sur la messagerie de Paul.",
    "Por favor, deje su mensaje después de la señal.",
    "Risponde la segreteria telefonica: lasciate un messaggio dopo il segnale acustico.",
    "Deixe seu recado após o sinal.",
    "Spreek een bericht in na de piep.",
    "Proszę zostawić wiadomość po sygnale.",
    "Lämna ett meddelande efter tonen.",
    "Оставьте сообщение после сигнала.",
    "Sinyal sesinden sonra mesaj\u0131n\u0131z\u0131 b\u0131rak\u0131n.",
    "発信音の後にメッセージをお話しください。",
    "请在提示音后留言。",
    "연결이 되지 않아 소리샘으로 연결됩니다.",
)
PEOPLE = (
    "Hello?",
    "Yes, this is Bob speaking.",
    "She's not available at the moment, would you like to leave a message?",
    "He's not in, you can leave a message with me.",
    "Let me put you through to his voicemail, he is unavailable.",
    "I got your voicemail, I was going to call you back.",
    "Er ist nicht erreichbar. Möchten Sie eine Nachricht hinterlassen?",
    "Il est indisponible, voulez-vous laisser un message ?",
    "No está disponible, ¿quiere dejar un mensaje?",
    "Non è disponibile, vuole lasciare un messaggio?",
    "I can't talk now, I'll call you back.",
    "Attend the meeting at the toner factory.",
    "",
)


@pytest.mark.parametrize("text", GREETINGS)
def test_one_phrase_of_a_machine_is_enough(text: str) -> None:
    assert clues_in(text) == {MACHINE}


@pytest.mark.parametrize("text", PEOPLE)
def test_what_people_say_is_never_enough(text: str) -> None:
    assert MACHINE not in clues_in(text)
    assert len(clues_in(text)) < 2


@pytest.mark.parametrize(
    ("text", "clues"),
    [
        ("Bob is not available.", {"absent"}),
        ("Bob can't come to the phone, leave a message.", {"absent", "message"}),
        ("Voicemail.", {"box"}),
        ("Leave a message.", {"message"}),
    ],
)
def test_what_both_may_say_is_a_clue(text: str, clues: set[str]) -> None:
    assert clues_in(text) == clues


def test_words_are_compared_without_case_accents_and_punctuation() -> None:
    assert plain("  You\u2019ve: Après, LE «bip»!  ") == " youve apres le bip "
    assert plain("\u0130\u0131") == " ii "
    assert plain("") == "  "


def test_a_phrase_ends_with_a_word() -> None:
    assert clues_in("after the tone.") == {MACHINE}
    assert clues_in("after the tones") == frozenset()
