"""What is compared, as data.

Rule 1: a new variant is one line of `BRIDGES`; nothing else knows a bridge by its name.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, get_args, get_type_hints

import attrs
from environments import LOAD, OURS

from trio_media.config import ServerConfig

HERE: Final = Path(__file__).parent
REPOSITORY: Final = HERE.parent.parent
CALLS_MAX: Final = 5_000  # a benchmark is not refused


@attrs.frozen(kw_only=True)
class Bridge:
    """One bridge, in one configuration."""

    name: str
    environment: str
    program: str = ""
    """A file of ``bridges/``.  Empty: ``trio-media serve``."""
    settings: Mapping[str, Mapping[str, Any]] = attrs.field(factory=dict)
    """Of trio_media's configuration file, by section."""
    keeps: str = ""
    """What trio_media records of each call: ``events``, ``audio`` or both; empty: nothing."""

    tree: Path = REPOSITORY
    """The checkout of trio_media."""

    @property
    def is_ours(self) -> bool:
        """Tell whether this is trio_media."""
        return not self.program

    def configuration(self, *, port: int, model_url: str, recordings: Path) -> str:
        """Return trio_media's configuration file for a run."""
        sections: dict[str, dict[str, Any]] = {
            "server": {"port": port, "max_calls": CALLS_MAX, **_never_late(self.tree)},
            "realtime": {"provider": "openai", "url": model_url, "api_key": "none"},
            "log": {"level": "warning"},
        }
        if self.keeps:
            sections["recording"] = {
                "dir": str(recordings),
                "audio": "audio" in self.keeps,
                "events": "events" in self.keeps,
            }
        for section, values in self.settings.items():
            sections.setdefault(section, {}).update(values)
        lines = []
        for section, values in sections.items():
            lines.append(f"[{section}]")
            lines += [f"{key} = {_toml(value)}" for key, value in values.items()]
        return "\n".join(lines) + "\n"


def _never_late(tree: Path) -> dict[str, float]:
    """Return what keeps a server from refusing calls because it is saturated, where it can."""
    path = tree / "trio_media" / "config.py"
    knows = path.is_file() and "late_ms" in path.read_text(encoding="utf-8")
    return {"late_ms": 0} if knows else {}


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else str(value)


def _ours() -> list[Bridge]:
    """Return trio_media with each detector, with records, and with each transport there is."""
    found = [
        Bridge(
            name=f"trio_media {detector}",
            environment=OURS,
            settings={"barge_in": {"detector": detector}},
        )
        for detector in ("server", "local", "both")
    ]
    both = {"barge_in": {"detector": "both"}}
    for keeps, tail in (("events", "+ log"), ("events, audio", "+ log, wav")):
        found.append(
            Bridge(name=f"trio_media both {tail}", environment=OURS, settings=both, keeps=keeps)
        )
    variants: list[tuple[str, dict[str, dict[str, Any]]]] = [
        (transport, {"server": {"transport": transport}}) for transport in transports()[1:]
    ]
    variants += [("40 ms appends", {"realtime": {"append_ms": 40}})]
    variants += [("2 workers", {"server": {"workers": 2}})]
    for tail, changes in variants:
        settings = {**both, **changes}
        found.append(Bridge(name=f"trio_media both, {tail}", environment=OURS, settings=settings))
    return found


def transports(section: type = ServerConfig) -> tuple[str, ...]:
    """Return the values of ``[server] transport``, the default first; none if there is no such."""
    field = attrs.fields_dict(section).get("transport")
    if field is None:
        return ()
    allowed = get_args(get_type_hints(section)["transport"])
    return (field.default, *(value for value in allowed if value != field.default))


def of_tree(tree: Path, changes: tuple[str, ...] = ()) -> tuple[Bridge, ...]:
    """Return the trio_media of another checkout, or another configuration, to be measured too.

    ``changes`` are ``section.key=value``, as `trio-media.toml` would have them.  Raises
    `ValueError` for one that is not of that form.
    """
    of = () if tree == REPOSITORY else (f"of {tree.name}",)
    found = []
    for detector in ("server", "both"):
        settings: dict[str, dict[str, Any]] = {"barge_in": {"detector": detector}}
        for change in changes:
            section, key, value = _change(change)
            settings.setdefault(section, {})[key] = value
        name = " ".join(["trio_media", detector, *of, *changes])
        found.append(Bridge(name=name, environment=OURS, settings=settings, tree=tree))
    return tuple(found)


def _change(text: str) -> tuple[str, str, Any]:
    place, found, value = text.partition("=")
    section, dot, key = place.partition(".")
    if not (found and dot):
        raise ValueError(f"{text!r} is not section.key=value")
    try:
        return section, key, tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return section, key, value


BRIDGES: Final = (
    *_ours(),
    Bridge(name="relay, trio-websocket", environment=OURS, program="relay_trio.py"),
    Bridge(name="relay, picows", environment=LOAD, program="relay_picows.py"),
    Bridge(name="FastAPI + websockets", environment="fastapi", program="fastapi_bridge.py"),
    Bridge(name="OpenAI Agents SDK", environment="agents", program="agents_bridge.py"),
    Bridge(name="Pipecat", environment="pipecat", program="pipecat_bridge.py"),
)
NULL_RELAY: Final = "relay, picows"  # what added latency is counted from
QUICK: Final = ("trio_media both", "relay, trio-websocket")


def slug(name: str) -> str:
    """Return a bridge's name for command lines and files."""
    return "-".join("".join(c if c.isalnum() else " " for c in name.lower()).split())
