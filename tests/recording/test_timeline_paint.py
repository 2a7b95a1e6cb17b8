from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from trio_media.recording.timeline_paint import Rows, drawable, fit, response_colour, width


@given(st.text(max_size=60), st.integers(0, 400))
def test_text_is_cut_to_its_width(text: str, width_px: int) -> None:
    fitted = fit(text, width_px, 13)
    assert fitted == "" or width(fitted, 13) <= width_px


def test_text_that_fits_is_left_alone() -> None:
    assert fit("hush 320 ms", 400, 13) == "hush 320 ms"
    assert fit("a very long label that does not fit", 100, 13).endswith("...")
    assert fit("abc", 2, 13) == ""


def test_letters_that_the_font_lacks_become_others() -> None:
    assert drawable("\u201cFür Zoë…\u201d\n\u2013 日本") == '"Fur Zoe..." - ??'


def test_what_touches_its_neighbour_goes_one_row_down() -> None:
    rows = Rows(rows_max=2, gap_px=4)
    assert rows.place(0, 100) == 0
    assert rows.place(103, 200) == 1
    assert rows.place(104, 200) == 0
    assert rows.place(150, 200) is None
    assert (rows.used, rows.hidden) == (2, 1)


def test_neighbouring_responses_differ_in_colour() -> None:
    assert all(response_colour(n) != response_colour(n + 1) for n in range(20))
