"""What a server tells Prometheus, and what a query asks of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import attrs
import httpx
import trio

from tests.server.world import open_world
from trio_media.phone.script import HangUp, WaitForSpeech
from trio_media.server.call_counts import FAMILIES

OPERATE = Path(__file__).parents[2] / "scripts" / "operate"
OF_PROMETHEUS = {"job", "instance", "le"}
"""Labels that every scrape adds, or every histogram has."""
_NAME = re.compile(r"\btrio_media_[a-z_]+")
_SELECTOR = re.compile(r"\b(trio_media_[a-z_]+)\{([^}]*)\}")
_MATCHER = re.compile(r'([a-z_]+)\s*(=~|!~|!=|=)\s*"([^"]*)"')
_BY = re.compile(r"\b(?:by|on|without|ignoring)\s*\(([^)]*)\)")


@attrs.define
class Exposed:
    """The names of samples, and what is known of their labels."""

    labels: dict[str, set[str]]
    """Of each sample."""
    values: dict[tuple[str, str], set[str]]
    """Of each label of each sample, as far as they were seen."""

    @staticmethod
    def family_names() -> set[str]:
        return {family.name for family in FAMILIES}

    @staticmethod
    def parse(text: str) -> Exposed:
        labels: dict[str, set[str]] = {}
        values: dict[tuple[str, str], set[str]] = {}
        for name, kind in re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE):
            suffixes = ("_bucket", "_count", "_sum") if kind == "histogram" else ("",)
            for suffix in suffixes:
                labels[name + suffix] = {"le"} if suffix == "_bucket" else set()
        for family in FAMILIES:  # also those of which nothing was counted
            assert f"trio_media_{family.name}_total" in labels, family.name
            labels[f"trio_media_{family.name}_total"].update(family.labels)
        for name, inside in re.findall(r"^(trio_media_\w+)(?:\{(.*)\})? \S+$", text, re.MULTILINE):
            for label, _, value in _MATCHER.findall(inside):
                labels[name].add(label)
                values.setdefault((name, label), set()).add(value)
        return Exposed(labels, values)

    def wrong_with(self, query: str) -> Iterator[str]:
        """Say what a query names that is not there."""
        names = set(_NAME.findall(query))
        for name in names - set(self.labels):
            yield f"no metric {name}"
        known = OF_PROMETHEUS.union(*(self.labels.get(name, set()) for name in names))
        for by in _BY.findall(query):
            for label in filter(None, map(str.strip, by.split(","))):
                if label not in known:
                    yield f"no label {label} of {names}"
        for name, matchers in _SELECTOR.findall(query):
            yield from self._wrong_matchers(name, matchers)

    def _wrong_matchers(self, name: str, matchers: str) -> Iterator[str]:
        for label, _, value in _MATCHER.findall(matchers):
            if label not in self.labels.get(name, set()) | {"job", "instance"}:
                yield f"no label {label} of {name}"
            elif label not in ("job", "instance"):
                seen = self.values.get((name, label), set())
                yield from (
                    f"{name}: {label} is never {one}" for one in set(value.split("|")) - seen
                )


async def exposed_by_a_server() -> Exposed:
    """Serve a call, and read what is told of it."""
    async with open_world() as world:
        await (await world.call(WaitForSpeech(), HangUp())).over.wait()
        async with httpx.AsyncClient(trust_env=False) as client:
            while True:
                text = (await client.get(world.url + "/metrics")).text
                if "trio_media_call_duration_seconds_count 1.0" in text:
                    return Exposed.parse(text)
                await trio.lowlevel.checkpoint()
