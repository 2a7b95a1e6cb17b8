"""A load of calls from the command line: progress, a report, an exit code."""

from __future__ import annotations

import json
from pathlib import Path

import trio
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from trio_media.errors import ConfigError
from trio_media.phone.interrupt import hang_up_on_signals
from trio_media.phone.load import check_load, run_load
from trio_media.phone.load_report import LoadReport
from trio_media.phone.make_call import require_folder
from trio_media.phone.route import Access


async def make_load(
    url: str,
    *,
    calls: int,
    seconds: float,
    json_out: Path | None = None,
    access: Access | None = None,
    console: Console | None = None,
) -> LoadReport:
    """Run a load, print its tables, write its JSON.  Ctrl-C hangs all calls up and reports.

    ``json_out`` is a file; ``-`` prints the JSON instead of the tables.

    Raises `ConfigError` for a URL, a number or a file that is wrong.
    """
    console = console or Console()
    if json_out is not None:
        await require_folder(json_out)
    # Here and not in the nursery, which would wrap the error in a group.
    check_load(url, calls, seconds)
    hang_up = trio.Event()
    # Replaced below, unless a second signal cuts the calls.
    report = LoadReport(calls_wanted=calls, seconds=seconds, was_interrupted=True, records=())
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    # A pipe gets no progress: rich knows by the console whether it is a terminal.
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("calls ended", total=calls)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(hang_up_on_signals, hang_up, nursery.cancel_scope)
            report = await run_load(
                url,
                calls=calls,
                seconds=seconds,
                access=access,
                hang_up=hang_up,
                on_progress=lambda _, ended: progress.update(task, completed=ended),
            )
            nursery.cancel_scope.cancel()
    await _show(report, json_out, console)
    return report


async def _show(report: LoadReport, json_out: Path | None, console: Console) -> None:
    content = json.dumps(report.to_json(), indent=2) + "\n"
    if json_out == Path("-"):
        console.print(content, highlight=False, markup=False, soft_wrap=True, end="")
        return
    for table in report.tables():
        console.print(table)
    if json_out is not None:
        try:
            await trio.Path(json_out).write_text(content)
        except OSError as exc:
            raise ConfigError(f"{json_out}: {exc.strerror or exc}") from exc
