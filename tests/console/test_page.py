"""The page in a real browser, over real HTTP, with recorded calls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from stand_in import call, recorded_lines, until

VIEWS = ("/", "/calls/CAended", "/calls/CA1", "/overview", "/phone")
WIDTHS_PX = (390, 1280)

# How many colours a canvas shows: an empty one has two or three.
COLOURS = """canvas => {
  const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const seen = new Set();
  for (let at = 0; at < data.length; at += 4) seen.add(data.slice(at, at + 3).join());
  return seen.size;
}"""

SEEN = """isSeen => {
  Object.defineProperty(document, "hidden", {get: () => !isSeen, configurable: true});
  document.dispatchEvent(new Event("visibilitychange"));
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width_px", WIDTHS_PX)
def test_every_view_fits_and_complains_about_nothing(
    open_page: Callable[..., Any], width_px: int, scheme: str
) -> None:
    """On a phone and on a desk, by day and by night."""
    watched = open_page(
        viewport={"width": width_px, "height": 844}, color_scheme=scheme, has_touch=width_px < 500
    )
    for view in VIEWS:
        page = watched.go(view)
        page.wait_for_selector("h1")
        page.wait_for_timeout(300)
        assert page.evaluate("document.documentElement.scrollWidth") <= width_px, view


def test_a_row_changes_when_the_server_pushes(open_page: Callable[..., Any], served: Any) -> None:
    """Without being asked, and rows come and go."""
    page = open_page().go("/")
    row = page.locator('tr[data-sid="CA1"]')
    row.get_by_text("model", exact=True).wait_for()
    last = {"at_ms": 83_000, "reason": "local_speech", "outcome": "cancelled", "heard_ms": 4_184}
    served.push(
        "call", call("CA1", floor="hushed", interruptions=1, last_interruption=last, worker=1)
    )
    row.get_by_text("hushed").wait_for()
    row.get_by_text("1:23 local speech: cancelled (1)").wait_for()
    served.push("call", call("CA9", caller="+15550100009"))
    page.get_by_role("link", name="+15550100009").wait_for()
    del served.calls["CA1"]
    served.push("gone", {"call_sid": "CA1"})
    row.wait_for(state="detached")
    assert page.locator('tr[data-sid="CA9"]').count() == 1


def test_a_call_can_be_interrupted_spoken_to_and_hung_up_from_its_row(
    open_page: Callable[..., Any], served: Any
) -> None:
    """Hanging up asks first."""
    page = open_page().go("/")
    row = page.locator('tr[data-sid="CA2"]')
    row.get_by_role("button", name="Interrupt").click()
    page.get_by_text("Interrupted: the model was still generating").wait_for()
    row.get_by_role("button", name="Say…").click()
    page.get_by_role("textbox", name="What to say").fill("One moment.")
    page.get_by_role("dialog").get_by_role("button", name="Say").click()
    page.get_by_text("It is going to be said.").wait_for()
    row.get_by_role("button", name="Hang up").click()
    page.get_by_role("button", name="Leave it").click()
    page.wait_for_selector("dialog", state="detached")
    row.get_by_role("button", name="Hang up").click()
    page.get_by_role("dialog").get_by_role("button", name="Hang up").click()
    page.get_by_text("Hung up.").wait_for()
    said = {"text": "One moment.", "exact": True, "protected": False, "wait": False}
    assert served.asked == [
        ("/api/calls/CA2/interrupt", {}),
        ("/api/calls/CA2/say", said),
        ("/api/calls/CA2/hang-up", {}),
    ]


def test_a_refusal_is_told_in_the_words_of_the_server(open_page: Callable[..., Any]) -> None:
    """There is no account to dial with."""
    watched = open_page()
    page = watched.go("/")
    page.get_by_role("button", name="Call a number…").click()
    page.get_by_role("textbox", name="Number").fill("+15550100003")
    page.get_by_role("dialog").get_by_role("button", name="Call").click()
    page.get_by_text("there is no account to call with").wait_for()
    assert [text for text in watched.troubles if "409" not in text] == []
    watched.troubles.clear()


def test_the_lanes_of_an_ended_call_are_drawn_and_its_decisions_explained(
    open_page: Callable[..., Any],
) -> None:
    """From an interruption to its decision, with the reason."""
    page = open_page().go("/calls/CAended")
    page.get_by_role("button", name="interrupted by local speech: cancelled").wait_for()
    until(page, f"({COLOURS})(document.querySelector('canvas')) > 12")
    page.locator("canvas").focus()
    page.keyboard.press("n")
    page.get_by_text("Take, 630 ms after the hush: the local ear confirmed").wait_for()
    page.get_by_text("The model is told that 4184 ms of #1 were heard.").wait_for()
    page.locator(".detail").get_by_text("0:05.071 take: local speech").wait_for()
    page.keyboard.press(".")
    assert "take" not in page.locator(".detail").inner_text()
    page.get_by_text("heard 4.18 s of 24.10 s").wait_for()


def test_an_event_under_the_pointer_can_be_read(open_page: Callable[..., Any]) -> None:
    """The hush, which fills the middle of the picture after a jump: pointed at, and tapped."""
    page = open_page().go("/calls/CAended")
    page.get_by_role("button", name="hush, and on: it was nothing").click()
    box = page.locator("canvas").bounding_box()
    floor_y = page.evaluate(
        "async () => { const {layout} = await import('/static/paint.js');"
        "const {CallLanes} = await import('/static/lanes.js');"
        "return layout(new CallLanes(), 1000).rows.find(({id}) => id === 'floor').inner + 8; }"
    )
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + floor_y)
    page.locator(".tip").get_by_text("hush 500 ms").wait_for()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] - 20)
    assert page.locator(".tip").is_hidden()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + floor_y)
    page.locator(".detail").get_by_text("hush 500 ms").wait_for()


def test_the_recording_and_the_lanes_go_in_step(open_page: Callable[..., Any]) -> None:
    """A choice seeks; playing moves on."""
    page = open_page("--autoplay-policy=no-user-gesture-required").go("/calls/CAended")
    page.get_by_role("button", name="interrupted by local speech: cancelled").click()
    until(page, "Math.abs(document.querySelector('audio').currentTime - 4.441) < 0.01")
    page.evaluate("document.querySelector('audio').play()")
    until(page, "document.querySelector('audio').currentTime > 5")


def test_the_lanes_of_a_live_call_grow_with_what_is_pushed(
    open_page: Callable[..., Any], served: Any
) -> None:
    """And each line counts once, also those that the log had already."""
    lines = recorded_lines()
    page = open_page().go("/calls/CA1")
    page.get_by_role("button", name="Follow").wait_for()
    until(page, "document.querySelector('.facts').textContent.includes('1 response ')")
    for line in lines[100:]:
        served.push("line", line, sid="CA1")
    page.get_by_role("button", name="interrupted by local speech: already over").wait_for()
    assert page.locator(".episode").count() == 3
    served.push("level", {"at_ms": 4_500, "dbfs": -12.0}, sid="CA1")
    served.push("call", call("CA1", state="ended"))
    page.get_by_text("caller hung up, by the carrier").wait_for()


def test_a_call_that_ended_while_the_server_was_away_is_shown_as_ended(
    open_page: Callable[..., Any], served: Any
) -> None:
    """And meanwhile the page says that it is not told anything."""
    watched = open_page()
    page = watched.go("/calls/CA1")
    until(page, "document.querySelector('.facts').textContent.startsWith('live')")
    served.is_signed_in = False  # an answer that is an error: the browser gives up
    served.drop()
    page.get_by_text("What is shown may be old").wait_for()
    page.get_by_text("You are signed out.").wait_for()
    served.is_signed_in = True
    served.calls["CA1"] = call("CA1", state="ended")
    until(
        page,
        "document.querySelector('.facts').textContent.startsWith('caller hung up') || "
        "document.querySelector('.facts').textContent.startsWith('ended')",
    )
    assert page.get_by_text("What is shown may be old").is_hidden()
    assert page.get_by_text("You are signed out.").is_hidden()
    assert [text for text in watched.troubles if "401" not in text] == []
    watched.troubles.clear()


def test_on_a_phone_the_keys_make_room_for_the_lanes(open_page: Callable[..., Any]) -> None:
    page = open_page(viewport={"width": 390, "height": 844}).go("/phone")
    key = page.get_by_role("button", name="5", exact=True)
    page.get_by_text("Keys", exact=True).wait_for()
    assert key.is_hidden()
    page.get_by_text("Keys", exact=True).click()
    key.wait_for()


def test_the_overview_draws_every_chart(open_page: Callable[..., Any]) -> None:
    """With a description each, and all figures as a table."""
    page = open_page().go("/overview")
    page.wait_for_selector(".chart")
    assert page.locator(".chart svg[aria-label]").count() == 8
    assert page.locator(".chart path.line-0").first.get_attribute("d").count("L") > 20
    page.get_by_text("The figures as a table").click()
    assert page.locator(".wide tbody tr").count() == 60
    page.get_by_role("button", name="1 day").click()
    until(page, "document.querySelectorAll('.wide tbody tr').length === 120")


def test_a_sign_in_that_ended_is_said_and_can_be_renewed(
    open_page: Callable[..., Any], served: Any
) -> None:
    """A wrong token is told as wrong."""
    watched = open_page()
    page = watched.go("/")
    page.locator('tr[data-sid="CA1"]').wait_for()
    served.is_signed_in = False
    page.get_by_role("link", name="Overview").click()
    page.get_by_role("link", name="Sign in again").click()
    page.get_by_label("Admin token").wait_for()
    page.wait_for_load_state()  # before its script is there, the form asks in another way
    page.get_by_label("Admin token").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_text("this is not the token").wait_for()
    page.get_by_label("Admin token").fill("right")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", name="Live calls").wait_for()
    assert [text for text in watched.troubles if "401" not in text] == []
    watched.troubles.clear()


def test_after_a_link_that_is_no_good_the_token_still_signs_in(
    open_page: Callable[..., Any], served: Any
) -> None:
    """What stood in the link is not tried again, and stays in no address."""
    served.is_signed_in = False
    page = open_page().page
    page.goto(f"{served.url}/?token=old")
    page.wait_for_load_state()
    until(page, "location.search === ''")
    page.get_by_label("Admin token").fill("right")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", name="Live calls").wait_for()


def test_a_page_that_nobody_sees_keeps_no_connection_from_the_others(
    open_page: Callable[..., Any], served: Any
) -> None:
    """And when it is seen again, it shows what happened meanwhile."""
    page = open_page().page
    page.clock.install()
    page.goto(f"{served.url}/#/calls/CA1")
    until(page, "document.querySelector('.facts').textContent.startsWith('live')")
    page.evaluate(SEEN, False)
    page.clock.fast_forward(6_000)
    for _ in range(100):
        if not served.listeners:
            break
        page.wait_for_timeout(50)
    assert served.listeners == []
    served.calls["CA1"] = call("CA1", state="ended")
    page.evaluate(SEEN, True)
    for _ in range(20):
        page.clock.run_for(500)
        page.wait_for_timeout(50)
    assert not page.locator(".facts").inner_text().startswith("live")
    assert page.get_by_text("What is shown may be old").is_hidden()
