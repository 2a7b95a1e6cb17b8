from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import pytest

from trio_media.config import Config, RealtimeConfig
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
        "fallback.url": "ws://d.example",
        "fallback.session": '{"voice": {"speed": 2}}',
        "fallback.append_ms": "40",
        "server.trusted_proxies": "10.0.0.0/8, fd00::/8",
        "prices.models": '{"gpt-realtime": {"audio_in": 32}}',
        "recording.keep_days": "0",
    }
    # A fallback is not there unless something is said of it, and then it must say whose it is.
    defaults = attrs.evolve(Config(), fallback=RealtimeConfig())
    for section in attrs.fields(Config):
        for field in attrs.fields(type(getattr(defaults, section.name))):
            default = getattr(getattr(defaults, section.name), field.name)
            text = texts.get(f"{section.name}.{field.name}", str(default or ""))
            if default is None or isinstance(default, bool):
                text = {"provider": "embedded"}.get(field.name, "false")
            variable = f"TRIO_MEDIA_{section.name}_{field.name}".upper()
            fallback = {"TRIO_MEDIA_FALLBACK_PROVIDER": "embedded"}
            others = fallback if section.name == "fallback" else {}
            load_config(None, {**others, variable: text}, {})


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


FALLBACK = """
[fallback]
url = "wss://b.example/v1/realtime"
api_key = "sk-b"
model = "other"
"""


def test_a_fallback_has_the_keys_and_the_defaults_of_the_first_choice() -> None:
    config = load_config(toml(FALLBACK), {"TRIO_MEDIA_FALLBACK_VOICE": "ash"}, {})
    assert config.fallback == RealtimeConfig(
        url="wss://b.example/v1/realtime", api_key="sk-b", model="other", voice="ash"
    )
    assert config.realtime == RealtimeConfig()


def test_nothing_said_of_a_fallback_is_none() -> None:
    assert load_config(toml("[fallback]\n"), {"OPENAI_API_KEY": "sk-a"}, {}).fallback is None


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("[fallback]\nurl = 'https://b'\napi_key = 'x'\n", "fallback.url = 'https://b'"),
        ("[fallback]\nurll = 'wss://b'\n", "fallback.urll: unknown key; did you mean url"),
        ("[fallback]\nappend_ms = 30\n", "fallback.append_ms = 30: allowed: 0 to 200"),
        ("[fallback]\nsession = {turn_detection = 'none'}\n", "fallback.session.turn_detection"),
        ("[fallback]\nurl = 'wss://b'\n", "fallback.api_key: must be set"),
        ("[fallback]\nprovider = 'openai'\n", "needs fallback.api_key"),
    ],
)
def test_a_fallback_is_checked_as_the_first_choice_is(text: str, part: str) -> None:
    assert part in complaint(text)


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
        "TRIO_MEDIA_FALLBACK_API_KEY": "secret5",
    }
    config = load_config(None, environ, {})
    assert "secret" not in repr(config).replace("token_secret", "").replace("secret_", "")
    assert sorted(secret_values(config)) == [f"secret{n}" for n in range(1, 6)]


def test_what_is_done_about_machines_is_one_of_three_things() -> None:
    said = complaint('[agent]\nvoicemail = "beep"\n')
    assert "agent.voicemail = 'beep': allowed: go_on, hang_up, leave_message" in said
    assert "needs agent.voicemail_message" in complaint('[agent]\nvoicemail = "leave_message"\n')


def test_each_model_has_its_section_of_prices() -> None:
    path = toml(
        '[prices]\ncurrency = "EUR"\n'
        "[prices.gpt-realtime]\naudio_in = 32\naudio_in_cached = 0.4\n"
        '[prices."a.b"]\nminute = 0.006\n'
        "[prices.models.other]\ntext_in = 1\n"
    )
    prices = load_config(path, {}, {}).prices
    assert prices.currency == "EUR"
    assert prices.models == {
        "other": {"text_in": 1},
        "gpt-realtime": {"audio_in": 32, "audio_in_cached": 0.4},
        "a.b": {"minute": 0.006},
    }


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("[prices.m]\naudio = 1\n", "m.audio: unknown; allowed: text_in"),
        ("[prices.m]\naudio_in = -1\n", "m.audio_in: allowed: 0 to"),
        ('[prices.m]\naudio_in = "1"\n', "m.audio_in: allowed: 0 to"),
        ("[prices]\nm = 3\n", "prices.m: unknown key"),
        ("[prices]\nmodels = 3\n[prices.m]\ntext_in = 1\n", "prices."),
        ('[prices]\ncurrency = "euro"\n', "three capital letters"),
        ("[server.m]\ntext_in = 1\n", "server.m: unknown key"),
        ("[prices.models]\nm = 1\n", "m: must be a table of prices"),
        ("[recording]\nkeep_days = 7\n", "needs recording.dir"),
        ('[recording]\nconsent = "ask"\n', "allowed: not_asked, announce"),
        ('[recording]\nannouncement = " "\n', "must be 1 to"),
    ],
)
def test_prices_and_what_is_kept_are_checked(text: str, part: str) -> None:
    assert part in complaint(text)
