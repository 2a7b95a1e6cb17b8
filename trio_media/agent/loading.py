"""Finding the agent that a command line names: ``module:attribute``.

Rule 1: whatever is wrong is a `ConfigError` of one line that says where to look.
"""

from __future__ import annotations

import importlib
import sys
import traceback
from pathlib import Path

from trio_media.agent.agent import Agent
from trio_media.boundary import crash_boundary
from trio_media.errors import ConfigError


def load_agent(named: str) -> Agent:
    """Import ``module`` as ``python -m`` would, from the current directory first, and give its
    ``attribute``, which may have dots.

    Raises:
        ConfigError: there is no such module or attribute, it is no `Agent`, or importing it fails.
    """
    module_name, colon, path = named.partition(":")
    if not colon or not module_name or not path:
        raise ConfigError(f"{named}: an agent is module:attribute, such as bookings:agent")
    found = _import(named, module_name)
    for attribute in path.split("."):
        if not hasattr(found, attribute):
            raise ConfigError(f"{named}: {module_name} has no {path}")
        found = getattr(found, attribute)
    if not isinstance(found, Agent):
        raise ConfigError(f"{named}: is {_what(found)}, not a trio_media.Agent")
    return found


def _what(found: object) -> str:
    kind = found if isinstance(found, type) else type(found)
    name = f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins.")
    return f"the class {name}" if isinstance(found, type) else f"of type {name}"


def _import(named: str, module_name: str) -> object:
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    crashes: list[Exception] = []
    module: object = None
    with crash_boundary(crashes.append):
        module = importlib.import_module(module_name)
    if not crashes:
        return module
    error = crashes[0]
    missing = error.name if isinstance(error, ModuleNotFoundError) else None
    if missing and (module_name == missing or module_name.startswith(f"{missing}.")):
        raise ConfigError(f"{named}: there is no module {missing} in {here}") from None
    said = " ".join(str(error).split())
    what = f"{type(error).__name__}: {said}" if said else type(error).__name__
    raise ConfigError(f"{named}: {_where(error)}: {what}") from error


def _where(error: Exception) -> str:
    """Return the file and line that the author should look at: the last one of theirs."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    ours = str(Path(__file__).parent.parent)
    theirs = [
        frame
        for frame in frames
        if not frame.filename.startswith((ours, "<frozen", importlib.__file__ or "<none"))
        and "site-packages" not in frame.filename
    ]
    last = theirs[-1] if theirs else frames[-1]
    return f"{last.filename}:{last.lineno}"
