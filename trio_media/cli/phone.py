"""``trio-media call`` and ``trio-media load``: simulated phones."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from trio_media.cli.options import config_option, read_config

if TYPE_CHECKING:
    from trio_media.phone import Access


@click.command()
@click.argument("url")
@click.option(
    "--audio",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="WAV",
    help="What the caller says.",
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="WAV",
    help="Where to write what the caller heard.",
)
@click.option(
    "--seconds",
    type=click.FloatRange(0, 14_400),
    metavar="S",
    help="How long to stay after the audio.  [default: 10]",
)
@click.option("--mic", is_flag=True, help="Speak yourself; needs trio_media[microphone].")
@config_option
def call(
    url: str,
    audio: Path | None,
    out: Path | None,
    seconds: float | None,
    mic: bool,
    config_path: Path | None,
) -> int:
    """Call a server as Twilio would.

    URL is a voice webhook (http, https) or a media stream (ws, wss), of this server or any other.
    Requests are signed with the configured Twilio token, if there is one.
    """
    import trio

    from trio_media.phone import make_call

    place = functools.partial(
        make_call,
        url,
        audio=audio,
        out=out,
        seconds=seconds,
        microphone=mic,
        access=_access(url, config_path),
    )
    return trio.run(place).exit_code


@click.command()
@click.argument("url")
@click.option("--calls", type=int, required=True, metavar="N", help="How many phones.")
@click.option("--seconds", type=float, required=True, metavar="S", help="How long each call lasts.")
@click.option(
    "--json",
    "json_out",
    type=click.Path(dir_okay=False, allow_dash=True, path_type=Path),
    metavar="FILE",
    help="Write the report as JSON; - prints it instead of the tables.",
)
@config_option
def load(
    url: str, calls: int, seconds: float, json_out: Path | None, config_path: Path | None
) -> int:
    """Call a server with many phones at once; print latencies, reactions and losses."""
    import trio

    from trio_media.phone import make_load

    place = functools.partial(
        make_load,
        url,
        calls=calls,
        seconds=seconds,
        json_out=json_out,
        access=_access(url, config_path),
    )
    return trio.run(place).exit_code


def _access(url: str, config_path: Path | None) -> Access:
    from trio_media.phone import Access
    from trio_media.server.addresses import is_loopback

    config = read_config(config_path)
    # Our own server is dialled by its local address and knows itself by its public one; any other
    # server is where its URL says.
    try:
        is_local = is_loopback(urlsplit(url).hostname or "")
    except ValueError:
        is_local = False  # a URL that is wrong is reported by the phone
    return Access(
        account_sid=config.twilio.account_sid,
        auth_token=config.twilio.auth_token if config.twilio.validates_signature else "",
        public_url=config.server.public_url if is_local else "",
    )
