from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import pytest

from trio_media.config import Config
from trio_media.config_load import load_config
from trio_media.config_secrets import secret_values
from trio_media.errors import ConfigError


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def toml(text: str, name: str = "c.toml") -> Path:
    path = Path(name)
    path.write_text(text, encoding="utf-8")
    return path


def complaint(text: str = "", environ: dict[str, str] | None = None, **overrides: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        load_config(
            toml(text), environ or {}, {k.replace("__", "."): v for k, v in overrides.items()}
        )
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_nothing_configured_gives_the_defaults() -> None:
    assert load_config(None, {}, {}) == Config()


def test_every_key_can_be_set_by_its_variable() -> None:
    texts: dict[str, str] = {
        "server.public_url": "https://a.example",
        "twilio.rest_url": "http://b.example",
        "realtime.url": "ws://c.example",
        "realtime.session": '{"voice": {"speed": 2}}',
        "twilio.auth_token": "secret",
        "realtime.append_ms": "40",
        "server.trusted_proxies": "10.0.0.0/8, fd00::/8",
    }
    for section in attrs.fields(Config):
        for field in attrs.fields(type(getattr(Config(), section.name))):
            default = getattr(getattr(Config(), section.name), field.name)
            text = texts.get(f"{section.name}.{field.name}", str(default or ""))
            if default is None or isinstance(default, bool):
                text = {"provider": "embedded"}.get(field.name, "false")
            variable = f"TRIO_MEDIA_{section.name}_{field.name}".upper()
            load_config(None, {variable: text}, {})


def test_the_file_is_weaker_than_the_environment_and_that_is_weaker_than_a_flag() -> None:
    path = toml("[server]\nport = 1\nmax_calls = 1\ndrain_s = 1\n")
    environ = {"TRIO_MEDIA_SERVER_PORT": "2", "TRIO_MEDIA_SERVER_MAX_CALLS": "2"}
    server = load_config(path, environ, {"server.port": 3}).server
    assert (server.port, server.max_calls, server.drain_s) == (3, 2, 1.0)


def test_a_flag_that_was_not_given_changes_nothing() -> None:
    path = toml("[server]\nport = 1\n")
    assert load_config(path, {}, {"server.port": None}).server.port == 1


def test_foreign_names_stand_between_the_file_and_our_own_variables() -> None:
    path = toml('[realtime]\napi_key = "file"\n[twilio]\naccount_sid = "ACfile"\n')
    environ = {"OPENAI_API_KEY": "foreign", "TWILIO_ACCOUNT_SID": "ACforeign"}
    config = load_config(path, environ, {})
    assert config.realtime.api_key == "foreign"
    assert config.twilio.account_sid == "ACforeign"
    environ["TRIO_MEDIA_REALTIME_API_KEY"] = "ours"
    assert load_config(path, environ, {}).realtime.api_key == "ours"


def test_an_empty_foreign_variable_is_not_set() -> None:
    path = toml('[realtime]\napi_key = "file"\n')
    assert load_config(path, {"OPENAI_API_KEY": ""}, {}).realtime.api_key == "file"


def test_our_own_variable_can_set_the_empty_text() -> None:
    environ = {"TRIO_MEDIA_REALTIME_TRANSCRIPTION": ""}
    assert load_config(None, environ, {}).realtime.transcription == ""


def test_the_default_file_is_read_when_it_is_there() -> None:
    toml("[server]\nport = 7\n", "trio-media.toml")
    assert load_config(None, {}, {}).server.port == 7


def test_a_key_of_openai_chooses_openai_and_a_twilio_token_validates_signatures() -> None:
    config = load_config(None, {"OPENAI_API_KEY": "sk-1", "TWILIO_AUTH_TOKEN": "tok"}, {})
    assert config.realtime.effective_provider == "openai"
    assert config.twilio.validates_signature


def test_unknown_names_are_errors_with_a_suggestion() -> None:
    assert "did you mean port" in complaint("[server]\nprot = 1\n")
    assert "did you mean server" in complaint("[sever]\nport = 1\n")
    assert "did you mean TRIO_MEDIA_SERVER_PORT" in complaint(
        environ={"TRIO_MEDIA_SERVER_PROT": "1"}
    )
    assert "server.prot" in complaint(server__prot=1)
    assert "port" in complaint("port = 1\n")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("[server]\nport = 65536", ["c.toml", "server.port = 65536", "0 to 65535"]),
        ('[server]\nport = "80"', ["server.port = '80'", "whole number"]),
        ("[server]\nport = true", ["server.port = True", "whole number"]),
        ("[server]\nport = 80.0", ["server.port = 80.0", "whole number"]),
        ("[server]\ndrain_s = nan", ["drain_s = nan", "0 to"]),
        ("[server]\ndrain_s = inf", ["drain_s = inf", "0 to"]),
        ("[server]\nhost = ''", ["server.host", "empty"]),
        ("[server]\nhost = 1", ["server.host", "text"]),
        ("server = 1", ["server", "section"]),
        ("[barge_in]\nauthority = 'nobody'", ["'nobody'", "client, server"]),
        ("[barge_in]\ndtmf_interrupts = 1", ["true or false"]),
        ("[realtime]\nsession = 1", ["realtime.session = 1", "table"]),
        ("[log]\nformat = 'xml'", ["'xml'", "auto, human, json"]),
        ("[server", ["not valid TOML"]),
    ],
)
def test_a_bad_value_is_named_with_what_is_allowed(text: str, parts: list[str]) -> None:
    said = complaint(text)
    for part in parts:
        assert part in said


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("SERVER_PORT", "eighty"),
        ("SERVER_PORT", ""),
        ("SERVER_DRAIN_S", "nan"),
        ("BARGE_IN_DTMF_INTERRUPTS", "perhaps"),
        ("REALTIME_SESSION", "[1]"),
        ("REALTIME_SESSION", "{"),
        ("REALTIME_PROVIDER", "acme"),
    ],
)
def test_a_bad_variable_is_named(variable: str, text: str) -> None:
    said = complaint(environ={f"TRIO_MEDIA_{variable}": text})
    assert f"TRIO_MEDIA_{variable}" in said


def test_variables_are_parsed_by_the_type_of_their_key() -> None:
    environ = {
        "TRIO_MEDIA_BARGE_IN_DTMF_INTERRUPTS": "No",
        "TRIO_MEDIA_SERVER_DRAIN_S": "1.5",
        "TRIO_MEDIA_TWILIO_VALIDATE_SIGNATURE": "0",
    }
    config = load_config(None, environ, {})
    assert config.barge_in.dtmf_interrupts is False
    assert config.server.drain_s == 1.5
    assert config.twilio.validate_signature is False


def test_a_long_value_is_shortened() -> None:
    assert len(complaint(f"[realtime]\nurl = '{'x' * 5000}'")) < 300


def test_a_file_that_cannot_be_read_is_named() -> None:
    with pytest.raises(ConfigError, match=r"missing\.toml: cannot be read: No such file"):
        load_config(Path("missing.toml"), {}, {})
    Path("binary.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="not UTF-8"):
        load_config(Path("binary.toml"), {}, {})
    Path("huge.toml").write_bytes(b"#" * ((1 << 20) + 1))
    with pytest.raises(ConfigError, match="larger than"):
        load_config(Path("huge.toml"), {}, {})


def test_a_wrong_secret_is_named_and_not_shown() -> None:
    assert "5551234" not in complaint("[realtime]\napi_key = 5551234\n")
    said = complaint(environ={"OPENAI_API_KEY": "sk-5551234\n"})
    assert "realtime.api_key" in said
    assert "5551234" not in said


def test_of_a_wrong_url_or_table_only_what_may_be_seen_is_shown() -> None:
    said = complaint('[realtime]\nurl = "https://u:pw5551234@host/path?api-key=k5551234"\n')
    assert "https://host/path" in said
    assert "5551234" not in said
    assert "5551234" not in complaint(environ={"TRIO_MEDIA_REALTIME_SESSION": '["k5551234"]'})


def test_secrets_are_not_in_the_repr_and_are_all_known() -> None:
    environ = {
        "TRIO_MEDIA_SERVER_ADMIN_TOKEN": "secret1",
        "TRIO_MEDIA_SERVER_TOKEN_SECRET": "secret2",
        "TWILIO_AUTH_TOKEN": "secret3",
        "OPENAI_API_KEY": "secret4",
    }
    config = load_config(None, environ, {})
    assert "secret" not in repr(config).replace("token_secret", "").replace("secret_", "")
    assert sorted(secret_values(config)) == ["secret1", "secret2", "secret3", "secret4"]


def test_what_is_done_about_machines_is_one_of_three_things() -> None:
    said = complaint('[agent]\nvoicemail = "beep"\n')
    assert "agent.voicemail = 'beep': allowed: go_on, hang_up, leave_message" in said
    assert "needs agent.voicemail_message" in complaint('[agent]\nvoicemail = "leave_message"\n')
