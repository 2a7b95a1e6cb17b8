from __future__ import annotations

from pathlib import Path

import pytest

from trio_media.config_file import FILE_MAX_BYTES, read_toml
from trio_media.errors import ConfigError


def test_a_file_is_given_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_text("[server]\nport = 1\n")
    assert read_toml(path) == {"server": {"port": 1}}


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (b"[server", "not valid TOML"),
        (b"\xff\xfe", "not UTF-8 text (byte 0)"),
        (b"#" * (FILE_MAX_BYTES + 1), "larger than"),
        (None, "cannot be read: No such file"),
    ],
)
def test_a_file_that_is_no_configuration_is_named(
    tmp_path: Path, content: bytes | None, part: str
) -> None:
    path = tmp_path / "a.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"a\.toml") as complaint:
        read_toml(path)
    assert part in str(complaint.value)
