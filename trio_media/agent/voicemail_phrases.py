"""What answering machines say, and people do not, in several languages.

Rule 1: one phrase that nobody but a machine says is enough; what a receptionist may say too is a
        clue, and two different ones are needed.
Rule 2: clues beside a question or an offer ("would you like to leave a message?") are a person's.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from typing import Final

MACHINE: Final = "machine"
"""The clue that is enough by itself."""
APOSTROPHES: Final = "'`\u2019\u02bc\u00b4"
DOTLESS_I: Final = "\u0131"  # Turkish; no normal form makes an i of it


def plain(text: str) -> str:
    """Give the words of a text without case, accents and punctuation, a space around each."""
    whole = unicodedata.normalize("NFKD", text.casefold().replace(DOTLESS_I, "i"))
    kept = (c for c in whole if c not in APOSTROPHES and not unicodedata.combining(c))
    return f" {' '.join(''.join(c if c.isalnum() else ' ' for c in kept).split())} "


def _needles(phrases: Iterable[str]) -> tuple[str, ...]:
    # Where no spaces are written, or words have endings, a part of a word will do.
    normal = (plain(phrase) for phrase in phrases)
    return tuple(phrase if phrase.isascii() else phrase.strip() for phrase in normal)


_SURE: Final = _needles(
    (
        *("after the tone", "after the beep", "at the tone", "at the beep", "record your message"),
        *("please leave a message", "please leave your message", "please leave me a message"),
        *("leave your name and", "leave a detailed message", "voice messaging system"),
        *("voicemail of", "voicemail for", "voicemail box", "reached the voicemail"),
        *("forwarded to voicemail", "forwarded to an automat", "mailbox is full", "mailbox of"),
        *("the person you are trying to reach", "the person you are calling", "party you are"),
        *("the person youre trying to reach", "the person youre calling", "mailbox has not been"),
        *("the number you have dialed", "the number you have dialled", "subscriber you have"),
        *("nach dem signalton", "nach dem ton", "nach dem piep", "nach dem piepton"),
        *("nach dem pfeifton", "hinterlassen sie", "hinterlasse eine nachricht", "mailbox von"),
        *("hinterlasst eine nachricht", "sprachbox von", "die gewählte rufnummer"),
        *("der angerufene teilnehmer", "der gewünschte gesprächspartner", "ist die mailbox"),
        *("après le bip", "après le signal", "après la tonalité", "laissez un message"),
        *("laissez moi un message", "laissez votre message", "laissez nous un message"),
        *("votre correspondant", "sur la messagerie", "sur le répondeur", "messagerie vocale de"),
        *("después del tono", "después de la señal", "deje su mensaje", "deje un mensaje"),
        *("deja tu mensaje", "deja un mensaje", "tras la señal", "buzón de voz", "al oír la señal"),
        *("dopo il segnale", "dopo il bip", "lasciate un messaggio", "lascia un messaggio"),
        *("da lei chiamato", "segreteria telefonica", "lasci un messaggio"),
        *("após o sinal", "depois do sinal", "deixe a sua mensagem", "deixe sua mensagem"),
        *("deixe o seu recado", "deixe seu recado", "caixa postal", "correio de voz"),
        *("na de toon", "na de piep", "na de pieptoon", "laat een bericht achter"),
        *("spreek een bericht in", "spreek uw bericht in", "voicemail van"),
        *("po sygnale", "proszę zostawić wiadomość", "zostaw wiadomość", "poczta głosowa"),
        *("efter tonen", "lämna ett meddelande", "læg en besked efter", "legg igjen en beskjed"),
        *("после сигнала", "оставьте сообщение", "оставьте ваше сообщение", "аппарат абонента"),
        *("sinyal sesinden sonra", "mesajinizi birakin", "aradiginiz kişiye"),
        *(
            "発信音の後",
            "メッセージをお残し",
            "留守番電話サービス",
            "提示音后",
            "嘀声后",
            "您拨打的",
        ),
        *("삐 소리 후", "소리샘", "연결이 되지 않아"),
    )
)
_CLUES: Final[Mapping[str, tuple[str, ...]]] = {
    "absent": _needles(
        (
            *("not available", "unavailable", "come to the phone", "take your call"),
            *("answer the phone right now", "not in the office", "nicht erreichbar"),
            *("nicht verfügbar", "nicht zu erreichen", "pas disponible", "indisponible"),
            *("no está disponible", "no puedo atender", "non è disponibile", "non è raggiungibile"),
            *("não está disponível", "niet bereikbaar", "niet beschikbaar"),
        )
    ),
    "message": _needles(
        (
            *("leave a message", "leave me a message", "leave your message", "leave your name"),
            *("eine nachricht hinterlassen", "laisser un message", "dejar un mensaje"),
            *("lasciare un messaggio", "deixar uma mensagem", "een bericht achterlaten"),
        )
    ),
    "box": _needles(
        (
            *("voicemail", "voice mail", "mailbox", "answering machine", "anrufbeantworter"),
            *("messagerie", "répondeur", "contestador", "buzón", "segreteria", "antwoordapparaat"),
        )
    ),
}
_OFFERS: Final = _needles(
    (
        *("would you like", "do you want", "did you want", "can i", "may i", "shall i", "let me"),
        *(
            "you can",
            "you could",
            "put you through",
            "transfer you",
            "i got your",
            "your voicemail",
        ),
        *("möchten sie", "wollen sie", "soll ich", "kann ich", "sie können", "voulez vous"),
        *("souhaitez vous", "puis je", "vous pouvez", "quiere", "desea", "puede", "vuole"),
        *("posso", "può", "quer", "gostaria", "wilt u", "kan ik", "zal ik", "u kunt"),
    )
)


def clues_in(text: str) -> frozenset[str]:
    """Return what in a text speaks for a machine: `MACHINE`, or the kinds of its clues."""
    words = plain(text)
    if _has(words, _SURE):
        return frozenset({MACHINE})
    if _has(words, _OFFERS):
        return frozenset()
    return frozenset(kind for kind, needles in _CLUES.items() if _has(words, needles))


def _has(words: str, needles: tuple[str, ...]) -> bool:
    return any(needle in words for needle in needles)
