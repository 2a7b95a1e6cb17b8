from __future__ import annotations

import pytest

from trio_media.server.addresses import (
    is_loopback,
    is_media_path,
    media_path,
    media_stream_url,
    public_origin,
    worker_of_media_path,
)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.8.8.8", "::1", "[::1]", "localhost", "LOCALHOST"]
)
def test_this_machine(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "::", "10.0.0.1", "example.com", "localhost.a.com", ""]
)
def test_other_machines(host: str) -> None:
    assert not is_loopback(host)


@pytest.mark.parametrize(
    ("public_url", "host", "scheme", "origin"),
    [
        ("https://a.example/", "evil", "http", "https://a.example"),
        ("https://a.example/pre/", "evil", "http", "https://a.example/pre"),
        ("", "a.example:8080", "http", "http://a.example:8080"),
        ("", "a.example", "https", "https://a.example"),
        ("", "[::1]:80", "http", "http://[::1]:80"),
        ("", "", "http", None),
        ("", "a.example/x", "http", None),
        ("", 'a"><Say>', "http", None),
        ("", "user@a.example", "http", None),
    ],
)  # fmt: skip
def test_where_the_client_sees_us(
    public_url: str, host: str, scheme: str, origin: str | None
) -> None:
    assert public_origin(public_url, host_header=host, scheme=scheme) == origin


def test_the_media_stream_is_as_secure_as_its_origin() -> None:
    assert media_stream_url("https://a/pre") == "wss://a/pre/twilio/media"
    assert media_stream_url("http://a:1") == "ws://a:1/twilio/media"
    assert media_stream_url("https://a/pre", 3) == "wss://a/pre/twilio/media/3"


@pytest.mark.parametrize(
    ("path", "is_media", "worker"),
    [
        ("/twilio/media", True, None),
        ("/twilio/media/3", True, 3),
        ("/twilio/media/9999", True, 9_999),
        ("/twilio/media/10000", False, None),
        ("/twilio/media/", False, None),
        ("/twilio/media/3/", False, None),
        ("/twilio/media/-3", False, None),
        ("/twilio/media/\u0663", False, None),
        ("/twilio/media3", False, None),
        ("/twilio/media/3\n", False, None),
    ],
)
def test_a_media_stream_may_name_its_worker(path: str, is_media: bool, worker: int | None) -> None:
    assert is_media_path(path) is is_media
    assert worker_of_media_path(path) == worker
    if is_media:
        assert media_path(worker) == path
