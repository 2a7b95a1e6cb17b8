"""A stand-in for the console's API over real HTTP: recorded calls, and pushes that a test makes."""

from __future__ import annotations

import contextlib
import io
import json
import math
import queue
import threading
import wave
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import attrs

ROOT = Path(__file__).parents[2]
STATIC = ROOT / "trio_media" / "console" / "static"
SIGN_IN = STATIC / "sign-in.html"
RECORDED = Path(__file__).parent / "recorded" / "demo.jsonl"
TYPES = {
    ".js": "text/javascript",
    ".css": "text/css",
    ".html": "text/html",
    ".svg": "image/svg+xml",
}
RATE_HZ = 8_000
DROPPED = b""


def recorded_lines() -> list[str]:
    """Give the lines of the recorded call."""
    return RECORDED.read_text().splitlines()


def call(sid: str, **more: Any) -> dict[str, Any]:
    """Make a call as the API shows it."""
    return {
        "call_sid": sid,
        "state": "live",
        "direction": "inbound",
        "caller": "+15550100001",
        "called": "+15550100002",
        "started_at": "2026-11-26T15:40:09.789+00:00",
        "duration_ms": 4_000,
        "floor": "model",
        "turn_latency_ms": 412,
        "interruptions": 0,
        "last_interruption": None,
        "end_reason": None,
        "worker": 0,
        "has_log": True,
        "has_recording": False,
        **more,
    }


def recording(length_ms: int) -> bytes:
    """Make a stereo recording: a tone left that comes and goes, another one right."""
    frames = bytearray()
    for at in range(length_ms * RATE_HZ // 1_000):
        second = at // RATE_HZ
        left = 12_000 * math.sin(at * 0.3) if second % 3 == 1 else 0
        right = 9_000 * math.sin(at * 0.2) if second % 3 != 1 else 0
        for sample in (left, right):
            frames += int(sample).to_bytes(2, "little", signed=True)
    file = io.BytesIO()
    with wave.open(file, "wb") as wav:
        wav.setnchannels(2)
        wav.setsampwidth(2)
        wav.setframerate(RATE_HZ)
        wav.writeframes(bytes(frames))
    return file.getvalue()


def overview(count: int) -> list[dict[str, Any]]:
    """Make figures for so many minutes; one in seven is a minute without calls."""
    minutes = []
    for at in range(count):
        is_quiet = at % 7 == 6
        wave_ms = int(40 * math.sin(at / 5) + 60)
        some = None if is_quiet else {"p50": wave_ms // 2, "p95": wave_ms}
        minutes.append(
            {
                "at": f"2026-11-26T{(at // 60) % 24:02}:{at % 60:02}:00+00:00",
                "calls": 0 if is_quiet else at % 5 + 1,
                "onset_to_hush_ms": some,
                "hush_to_take_ms": some and {"p50": 400 + wave_ms, "p95": 520 + wave_ms * 2},
                "hushes": 0 if is_quiet else at % 6,
                "false_hushes": 0 if is_quiet else at % 6 // 3,
                "generated_ms": 0 if is_quiet else 60_000 + wave_ms * 300,
                "heard_ms": 0 if is_quiet else 42_000 + wave_ms * 100,
                "cancels": {} if is_quiet else {"cancelled": at % 4, "already_over": at % 3},
                "truncates": {"sent": 0 if is_quiet else at % 5, "rejected": int(at % 20 == 19)},
                "dead_air_ms": 900 if at % 11 == 5 else 0,
            }
        )
    return minutes


@attrs.define(eq=False)
class StandIn:
    """What is served; a test changes it and pushes."""

    calls: dict[str, dict[str, Any]] = attrs.field(factory=dict)
    logs: dict[str, list[str]] = attrs.field(factory=dict)
    recordings: dict[str, bytes] = attrs.field(factory=dict)
    softphone: dict[str, Any] | None = None
    connect_to: str = ""
    is_signed_in: bool = True
    asked: list[tuple[str, Any]] = attrs.field(factory=list)
    """What the page asked for: path and body."""
    listeners: list[tuple[str, queue.Queue[bytes]]] = attrs.field(factory=list)
    url: str = ""
    is_over: bool = False

    def push(self, kind: str, told: Any, *, sid: str = "") -> None:
        """Tell everybody who listens; with ``sid`` those that follow that call."""
        text = told if isinstance(told, str) else json.dumps(told)
        if kind == "call":
            self.calls[told["call_sid"]] = told
        if kind == "line":
            self.logs.setdefault(sid, []).append(text)
        for follows, told_to in list(self.listeners):
            if not sid or follows == sid:
                told_to.put(f"event: {kind}\ndata: {text}\n\n".encode())

    def drop(self) -> None:
        """End every connection on which events are pushed."""
        for _, told_to in list(self.listeners):
            told_to.put(DROPPED)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    stand_in: StandIn

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        pass

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = {name: given[0] for name, given in parse_qs(url.query).items()}
        parts = url.path.strip("/").split("/")
        if not self.stand_in.is_signed_in and parts[0] == "api":
            self._problem(401, "sign in first")
        elif url.path == "/":
            is_in = self.stand_in.is_signed_in and "token" not in query
            self._file(STATIC / "index.html" if is_in else SIGN_IN)
        elif parts[0] == "static" and len(parts) == 2 and (STATIC / parts[1]).is_file():
            self._file(STATIC / parts[1])
        elif url.path == "/api/events":
            self._events(query.get("call", ""))
        elif url.path == "/api/overview":
            self._json({"minutes": overview(int(query["minutes"]))})
        elif url.path == "/api/calls":
            wanted = query.get("state", "all")
            calls = [c for c in self.stand_in.calls.values() if wanted in ("all", c["state"])]
            self._json({"calls": calls})
        elif parts[:2] == ["api", "calls"] and parts[2] in self.stand_in.calls:
            self._call(parts[2], parts[3:])
        else:
            self._problem(404, "there is no such thing")

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        body = json.loads(self.rfile.read(length) or b"{}")
        self.stand_in.asked.append((self.path, body))
        if self.path == "/api/softphone":
            if self.stand_in.softphone is None:
                self._problem(503, "the server is full")
            else:
                self._json(self.stand_in.softphone)
        elif self.path == "/api/sign-in":
            self.stand_in.is_signed_in = body == {"token": "right"}
            if self.stand_in.is_signed_in:
                self._send(204, "application/json", b"")
            else:
                self._problem(401, "this is not the token")
        elif self.path == "/api/calls":
            self._problem(409, "there is no account to call with")
        else:
            outcome = "waiting" if self.path.endswith("/say") else "cancelled"
            self._json({"outcome": outcome, "heard_ms": 1_234})

    def _call(self, sid: str, rest: list[str]) -> None:
        if rest == ["log"] and sid in self.stand_in.logs:
            lines = "".join(f"{line}\n" for line in self.stand_in.logs[sid])
            self._send(200, "application/x-ndjson", lines.encode())
        elif rest == ["recording"] and sid in self.stand_in.recordings:
            self._ranged(self.stand_in.recordings[sid])
        elif not rest:
            self._json({**self.stand_in.calls[sid], "transcript": [], "barge_ins": []})
        else:
            self._problem(404, "nothing is kept")

    def _ranged(self, content: bytes) -> None:
        begin, end, status = 0, len(content) - 1, 200
        if wanted := self.headers.get("Range"):
            first, _, last = wanted.removeprefix("bytes=").partition("-")
            begin, end, status = int(first), min(int(last or end), end), 206
        about = {"Accept-Ranges": "bytes"}
        if status == 206:
            about["Content-Range"] = f"bytes {begin}-{end}/{len(content)}"
        self._send(status, "audio/wav", content[begin : end + 1], about)

    def _events(self, sid: str) -> None:
        told: queue.Queue[bytes] = queue.Queue(10_000)
        self.stand_in.listeners.append((sid, told))
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        with contextlib.suppress(OSError):
            while not self.stand_in.is_over:
                try:
                    if (news := told.get(timeout=0.2)) == DROPPED:
                        break
                    self.wfile.write(news)
                except queue.Empty:
                    self.wfile.write(b": still here\n\n")
        self.stand_in.listeners.remove((sid, told))

    def _file(self, path: Path) -> None:
        policy = f"default-src 'self'; connect-src 'self' {self.stand_in.connect_to}".strip()
        about = {"Content-Security-Policy": policy, "Cache-Control": "no-cache"}
        self._send(200, TYPES[path.suffix], path.read_bytes(), about)

    def _json(self, told: Any) -> None:
        self._send(200, "application/json", json.dumps(told).encode())

    def _problem(self, status: int, detail: str) -> None:
        problem = {"type": "about:blank", "title": "No", "status": status, "detail": detail}
        self._send(status, "application/problem+json", json.dumps(problem).encode())

    def _send(
        self, status: int, kind: str, content: bytes, about: dict[str, str] | None = None
    ) -> None:
        with contextlib.suppress(OSError):  # the browser may have gone
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            for name, worth in (about or {}).items():
                self.send_header(name, worth)
            self.end_headers()
            self.wfile.write(content)


@contextlib.contextmanager
def serving(stand_in: StandIn) -> Iterator[StandIn]:
    """Serve it on a port of its own."""
    handler = type("Handler", (_Handler,), {"stand_in": stand_in})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    stand_in.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield stand_in
    finally:
        stand_in.is_over = True
        server.shutdown()
        thread.join()
        server.server_close()


def until(page: Any, expression: str, *, tries: int = 300) -> None:
    """Wait, some fifteen seconds at most, until an expression is true in a page.

    Playwright's own wait evaluates strings in the page, which its policy forbids.
    """
    for _ in range(tries):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"not true in time: {expression}")
