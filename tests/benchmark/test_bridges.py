"""The variants are ones that trio_media knows."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import attrs
import bridges
import pytest
from bridges import BRIDGES, Bridge, of_tree, slug, transports

from trio_media.config_load import load_config


@pytest.mark.parametrize("bridge", [b for b in BRIDGES if b.is_ours], ids=lambda b: slug(b.name))
def test_each_variant_is_a_configuration_of_trio_media(bridge: Bridge, tmp_path: Path) -> None:
    path = tmp_path / "trio-media.toml"
    url = "ws://127.0.0.1:5/v1/realtime"
    path.write_text(bridge.configuration(port=4, model_url=url, recordings=tmp_path))
    config = load_config(path, {}, {})
    assert (config.server.port, config.realtime.url) == (4, url)
    assert config.server.late_ms == 0, "a benchmark is refused when it becomes interesting"
    assert config.barge_in.detector == bridge.settings["barge_in"]["detector"]
    assert bool(config.recording.dir) == bool(bridge.keeps)
    if bridge.keeps:
        assert config.recording.audio == ("audio" in bridge.keeps)


@attrs.frozen
class NoTransport:
    port: int = 1


@attrs.frozen
class TwoTransports:
    transport: Literal["slow", "fast"] = "fast"


def test_every_transport_that_can_be_configured_is_a_variant_once_there_is_a_choice() -> None:
    assert transports(NoTransport) == ()
    assert transports(TwoTransports) == ("fast", "slow")


def test_another_checkout_can_be_measured_beside_this_one(tmp_path: Path) -> None:
    found = of_tree(tmp_path)
    assert [bridge.tree for bridge in found] == [tmp_path, tmp_path]
    assert not {bridge.name for bridge in found} & {bridge.name for bridge in BRIDGES}
    # It may be too old to know how not to be late.
    assert "late_ms" not in found[0].configuration(port=4, model_url="ws://h", recordings=tmp_path)


def test_a_configuration_from_the_command_line_is_a_variant(tmp_path: Path) -> None:
    found = of_tree(tmp_path, ("playout.lead_ms=500", "realtime.voice=cedar"))[1]
    path = tmp_path / "trio-media.toml"
    path.write_text(found.configuration(port=4, model_url="ws://127.0.0.1:5", recordings=tmp_path))
    config = load_config(path, {}, {})
    assert (config.playout.lead_ms, config.realtime.voice) == (500, "cedar")
    assert config.barge_in.detector == "both"
    assert "lead_ms=500" in found.name


@pytest.mark.parametrize("change", ["lead_ms=500", "playout.lead_ms", ""])
def test_a_change_that_names_no_section_or_value_is_an_error(change: str) -> None:
    with pytest.raises(ValueError, match=r"is not section\.key=value"):
        of_tree(bridges.REPOSITORY, (change,))


def test_no_two_bridges_have_one_name() -> None:
    assert len({slug(bridge.name) for bridge in BRIDGES}) == len(BRIDGES)


def test_each_program_is_there() -> None:
    for bridge in BRIDGES:
        assert bridge.is_ours or (bridges.HERE / "bridges" / bridge.program).is_file()


def test_the_bridges_that_are_named_elsewhere_exist() -> None:
    names = {bridge.name for bridge in BRIDGES}
    assert {bridges.NULL_RELAY, *bridges.QUICK} <= names


def test_a_name_for_the_command_line_has_only_letters_digits_and_dashes() -> None:
    assert slug("FastAPI + websockets, 2") == "fastapi-websockets-2"
