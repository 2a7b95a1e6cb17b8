from __future__ import annotations

import pytest

from trio_media.facts.endings import WORDS, end_in_words


@pytest.mark.parametrize("reason", WORDS)
def test_every_known_end_is_a_sentence(reason: str) -> None:
    said = end_in_words(reason)
    assert said[0].isupper()
    assert said.endswith(".")


def test_an_end_of_the_application_is_named_as_it_is() -> None:
    assert end_in_words("all_done", "us") == "It was ended here: all done."
    assert end_in_words("odd", "carrier") == "It was ended by the carrier: odd."
    assert end_in_words("") == "It was ended here: no reason was given."
