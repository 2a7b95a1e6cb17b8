"""Every answer has the headers that browsers and caches go by, whoever writes it."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from tests.server.test_crowded import ADMIN, crowded
from tests.server.test_serving import FORM, open_stream, sign, start
from trio_media.config import Config, TwilioConfig
from trio_media.server.answers import SECURITY_HEADERS
from trio_media.server.metrics import Metrics

UPGRADE = (
    "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)
BEARER = f"Authorization: Bearer {ADMIN}\r\n"
REQUESTS = [
    ("GET / HTTP/1.1", "", 200),
    (f"GET /?token={ADMIN} HTTP/1.1", "", 303),
    ("GET /static/app.js HTTP/1.1", "", 200),
    ("GET /static/nothing HTTP/1.1", "", 404),
    ("GET /healthz HTTP/1.1", "", 200),
    ("HEAD /healthz HTTP/1.1", "", 200),
    ("GET /readyz HTTP/1.1", "", 200),
    ("GET /metrics HTTP/1.1", "", 200),
    ("GET /nothing HTTP/1.1", "", 404),
    ("POST /healthz HTTP/1.1", "", 405),
    ("POST /twilio/status HTTP/1.1", "", 403),
    ("POST /twilio/voice HTTP/1.1", "Content-Length: 70000\r\n", 413),
    ("POST /twilio/voice HTTP/1.1", "Transfer-Encoding: chunked\r\n", 411),
    ("GET /api/calls HTTP/1.1", "", 401),
    ("GET /api/calls HTTP/1.1", BEARER, 200),
    ("GET /api/calls/CA1 HTTP/1.1", BEARER, 404),
    ("GET /api/calls?limit=x HTTP/1.1", BEARER, 422),
    ("DELETE /api/calls HTTP/1.1", BEARER, 405),
    ("GET /api/nothing HTTP/1.1", "", 404),
    ("GET /twilio/media HTTP/1.1", "", 426),
    ("GET /twilio/media HTTP/1.1", UPGRADE, 403),
    ("GET /elsewhere HTTP/1.1", UPGRADE, 404),
    ("GET /twilio/media HTTP/1.1", UPGRADE.replace("13", "8"), 426),
    ("GET /twilio/media HTTP/1.1", UPGRADE.replace("dGhl", ""), 400),
    ("GET /twilio/media HTTP/1.1", UPGRADE.replace("Sec-WebSocket-Key", "X"), 400),
    (f"GET /{'x' * 9_000} HTTP/1.1", "", 414),
    ("GET / HTTP/1.1", f"X: {'x' * 20_000}\r\n", 431),
    ("GET / HTTP/1.1", "X: y\r\n" * 101, 431),
    ("nonsense", "", 400),
    ("GET / HTTP/1.1", "No colon\r\n", 400),
    ("GET / HTTP/3.7", "", 505),
]


def check(raw: bytes, status: int) -> None:
    head = raw.partition(b"\r\n\r\n")[0].decode("latin-1")
    assert head.startswith(f"HTTP/1.1 {status} "), head
    fields = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:])
    for name in SECURITY_HEADERS:
        assert fields.get(name.lower()), (name, head)
    assert fields["x-content-type-options"] == "nosniff"
    assert "frame-ancestors 'none'" in fields["content-security-policy"]
    assert "server" not in fields


@pytest.mark.parametrize(("line", "headers", "status"), REQUESTS)
async def test_every_answer_has_them(
    serving: Any, config: Config, line: str, headers: str, status: int
) -> None:
    async with serving(crowded(config)) as served:
        raw = await served.raw(f"{line}\r\nHost: h\r\n{headers}\r\n".encode())
        check(raw, status)


async def test_the_answers_to_webhooks_have_them(serving: Any, config: Config) -> None:
    async with serving(crowded(config)) as served:
        headers = sign(served.url + "/twilio/voice", FORM)
        answer = await served.request("POST", "/twilio/voice", data=FORM, headers=headers)
        assert answer.status_code == 200
        for name in SECURITY_HEADERS:
            assert answer.headers[name]


async def test_a_mistake_of_ours_has_them(
    serving: Any, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_metrics: Metrics) -> bytes:
        raise RuntimeError("a bug")

    monkeypatch.setattr(Metrics, "exposition", fail)
    async with serving(config) as served:
        check(await served.raw(b"GET /metrics HTTP/1.1\r\nHost: h\r\n\r\n"), 500)


async def test_a_full_server_has_them(serving: Any, config: Config) -> None:
    config = attrs.evolve(crowded(config, max_calls=1), twilio=TwilioConfig())
    async with serving(config) as served, open_stream(served.ws_url) as websocket:
        await start(websocket)
        check(
            await served.raw(f"GET /twilio/media HTTP/1.1\r\nHost: h\r\n{UPGRADE}\r\n".encode()),
            503,
        )
        check(await served.raw(b"GET /readyz HTTP/1.1\r\nHost: h\r\n\r\n"), 503)
