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
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="KIND:KEY=VALUE,...",
    help="Let something go wrong, once or so many times (times=N; 0: always).  Can be repeated.",
)
def realtime(host: str, port: int, faults: tuple[str, ...]) -> int:
    """Serve the built-in realtime model, which speaks the OpenAI Realtime protocol.

    It can fail as real services do, so that you see what your calls do then:

    \b
      --fault drop:after_s=30                the connection is cut
      --fault drop:sent=delta,count=5,response=2,close=1011
      --fault drop:sent=committed            between a turn and its answer
      --fault half_open:after_s=20           it stays open, and nobody is there
      --fault refuse:status=429,retry_after_s=2,times=3
      --fault error:code=insufficient_quota,times=0
      --fault expire:after_s=60              the model session is over
      --fault fail:code=rate_limit_exceeded,after_ms=500
      --fault incomplete:reason=content_filter
      --fault slow:delay_s=4                 the handshake is answered late
    """
    import functools
    import signal

    import trio

    from trio_media.config import LogConfig
    from trio_media.embedded import ModelBehaviour, serve_model
    from trio_media.embedded.fault_texts import parse_fault
    from trio_media.errors import ConfigError
    from trio_media.logs import configure_logging

    configure_logging(LogConfig())
    behaviour = ModelBehaviour(faults=[parse_fault(text) for text in faults])

    async def run() -> int:
        with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            async with trio.open_nursery() as nursery:
                try:
                    taken = await nursery.start(
                        functools.partial(serve_model, host=host, port=port, behaviour=behaviour)
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
