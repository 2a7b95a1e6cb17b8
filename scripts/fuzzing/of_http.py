"""Requests: heads of any bytes, and requests that are nearly right."""

from __future__ import annotations

import json
from typing import Final
from urllib.parse import quote, urlencode

from hypothesis import strategies as st
from plans import Dial
from shapes import ENDINGS, texts, values

ADMIN: Final = "the-admin-token-of-the-fuzzer"
CALL: Final = "CA0123"
PATHS: Final = (
    *("/", "/healthz", "/readyz", "/metrics", "/twilio/media", "/twilio/media/1", "/static/app.js"),
    *("/twilio/voice", "/twilio/status", "/twilio/after", "/twilio/transferred", "/twilio/amd"),
    *("/api/calls", f"/api/calls/{CALL}", f"/api/calls/{CALL}/log", "/api/config", "/api/sign-in"),
    *(f"/api/calls/{CALL}/say", f"/api/calls/{CALL}/interrupt", f"/api/calls/{CALL}/hang-up"),
    *("/api/overview", "/api/softphone", "/api/openapi.json", "/api/sign-out", "*", "//", "/%00"),
    *(f"/api/calls/{CALL}/recording", "http://other/", "/static/../../config.py", "/api/events"),
)
FIELDS: Final = (
    *("CallSid", "From", "To", "CallStatus", "AnsweredBy", "SequenceNumber", "DialCallStatus"),
    *("AccountSid", "StreamEvent", "Direction"),
)
WORDS: Final = ("completed", "in-progress", "busy", "machine_start", "human", "0", "-1", CALL)
_names = st.sampled_from(
    [
        *("Host", "Content-Length", "Content-Type", "Transfer-Encoding", "Connection", "Cookie"),
        *("Upgrade", "Expect", "Range", "Origin", "X-Forwarded-Proto", "Sec-Fetch-Site"),
        *("Authorization", "If-None-Match", "Sec-WebSocket-Key", "Sec-WebSocket-Version", "X"),
    ]
)
_contents = st.one_of(
    st.sampled_from(
        [
            *(
                "0",
                "5",
                "-1",
                "99999999999999999999",
                "1e3",
                "chunked",
                "websocket",
                "100-continue",
            ),
            *("bytes=0-", "bytes=5-1", "bytes=-9999999999999", "application/json", "close", "13"),
            *("application/x-www-form-urlencoded", f"Bearer {ADMIN}", "keep-alive, Upgrade", "*"),
            *(
                "h2c",
                "multipart/form-data",
                "text/plain; charset=x",
                "a\tb",
                "https",
                "[::1",
                "a:b",
            ),
            *("trio_media_admin=x.y.z", "cross-site", "null", "localhost"),
        ]
    ),
    texts,
)
_forms = st.lists(
    st.tuples(st.sampled_from(FIELDS), st.one_of(st.sampled_from(WORDS), texts)), max_size=6
).map(lambda pairs: urlencode(pairs, errors="surrogatepass").encode())
_objects = st.one_of(
    st.fixed_dictionaries(
        {}, optional=dict.fromkeys(("text", "to", "from", "token", "wait", "exact"), values)
    ),
    st.just({"token": ADMIN}),
    st.just({"text": "Hello.", "wait": False}),
    values,
).map(lambda content: json.dumps(content).encode())
_bodies = st.one_of(
    _forms.map(lambda body: ("application/x-www-form-urlencoded", body)),
    _objects.map(lambda body: ("application/json", body)),
    st.binary(max_size=100).map(lambda body: ("application/json", body)),
    st.just(("", b"")),
)


@st.composite
def request_bytes(draw: st.DrawFn) -> bytes:
    """A request, whole or nearly."""
    method = draw(st.sampled_from(["GET", "POST", "POST", "HEAD", "OPTIONS", "DELETE", "PRI", "x"]))
    target = draw(st.sampled_from(PATHS))
    if draw(st.integers(0, 3)) == 0:
        key = draw(
            st.sampled_from(["token", "minutes", "call", "limit", "dial", "before", "state"])
        )
        target += f"?{key}={quote(draw(texts).encode('utf-8', 'surrogatepass'))}"
    kind, body = draw(_bodies)
    headers = [("Host", "localhost")] if draw(st.integers(0, 9)) else []
    if body or draw(st.booleans()):
        headers += [("Content-Type", kind), ("Content-Length", str(len(body)))]
    if "/api/" in target and draw(st.integers(0, 4)):
        headers.append(("Authorization", f"Bearer {ADMIN}"))
    headers += draw(st.lists(st.tuples(_names, _contents), max_size=3))
    lines = [f"{method} {target} HTTP/{draw(st.sampled_from(['1.1', '1.1', '1.0', '2', '1.']))}"]
    lines += [f"{name}: {content}" for name, content in headers]
    head = "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogatepass")
    return head + body


requests = st.builds(Dial, st.lists(request_bytes(), min_size=1, max_size=2).map(tuple), ENDINGS)


@st.composite
def _torn(draw: st.DrawFn) -> bytes:
    """A request of which pieces are missing, doubled or changed."""
    content = bytearray(draw(request_bytes()))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(content)))
        until = min(len(content), at + draw(st.integers(0, 8)))
        content[at:until] = draw(
            st.one_of(
                st.binary(max_size=6),
                st.sampled_from([b"", b"\r\n", b"\n", b" ", b"\x00", b"A" * 20_000, b"\xff"]),
            )
        )
    return bytes(content)


heads = st.builds(
    Dial,
    st.lists(st.one_of(_torn(), st.binary(max_size=200)), min_size=1, max_size=3).map(tuple),
    ENDINGS,
)
