"""``trio-media realtime``: the built-in model as a server of its own."""

from __future__ import annotations

import click


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, metavar="H")
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=8090,
    show_default=True,
    metavar="P",
    help="0 takes any free port.",
)
def realtime(host: str, port: int) -> int:
    """Serve the built-in realtime model, which speaks the OpenAI Realtime protocol."""
    import functools
    import signal

    import trio

    from trio_media.config import LogConfig
    from trio_media.embedded import serve_model
    from trio_media.errors import ConfigError
    from trio_media.logs import configure_logging

    configure_logging(LogConfig())

    async def run() -> int:
        with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            async with trio.open_nursery() as nursery:
                try:
                    taken = await nursery.start(
                        functools.partial(serve_model, host=host, port=port)
                    )
                except OSError as exc:
                    raise ConfigError(
                        f"--port {port}: cannot listen on {host}: {exc.strerror or exc}"
                    ) from exc
                shown = f"[{host}]" if ":" in host else host
                click.echo(f"realtime model at ws://{shown}:{taken}/v1/realtime")
                received = await anext(signals)
                nursery.cancel_scope.cancel()
        return 130 if received == signal.SIGINT else 0

    return trio.run(run)
