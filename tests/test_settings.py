import tomllib
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.language.errors import InputError
from nakhon.settings import PREFIX, SETTINGS, SettingsError, gather

LEAST = {"broker": "mqtt://localhost", "store": "duckdb://city.duckdb"}


def file(folder: Path, text: str) -> Path:
    path = folder / "collector.toml"
    path.write_text(text)
    return path


def test_options_alone_are_enough():
    settings = gather(None, {}, LEAST)
    assert (settings["broker"], settings["port"], settings["host"]) == ("mqtt://localhost", 8080, "127.0.0.1")


def test_an_option_counts_before_the_environment_and_that_before_the_file(tmp_path):
    path = file(tmp_path, 'port = 1\ngroup = "file"\nclient_id = "file"\n')
    settings = gather(path, {f"{PREFIX}PORT": "2", f"{PREFIX}GROUP": "environment"}, LEAST | {"port": 3})
    assert [settings[name] for name in ("port", "group", "client_id")] == [3, "environment", "file"]
    sources = [settings.values[name].source for name in ("port", "group", "client_id", "mqtt")]
    assert sources == ["--port", "NAKHON_COLLECT_GROUP", str(path), "default"]


def test_lists_are_separated_by_commas_in_the_environment():
    settings = gather(None, {f"{PREFIX}RUN": "haze-1, haze-2"}, LEAST)
    assert settings["run"] == ("haze-1", "haze-2")


def test_everything_wrong_is_said_at_once_each_with_its_place(tmp_path):
    path = file(tmp_path, 'brokr = "x"\nport = "80"\npassword = "hunter22"\nrun = ["A b"]\nstore = "ftp://x"\n')
    with pytest.raises(SettingsError) as caught:
        gather(
            path, {f"{PREFIX}PROT": "1", f"{PREFIX}MQTT": "4"}, {"ca": Path("/nope.pem"), "api_cert": Path(__file__)}
        )
    told = "\n".join(caught.value.errors)
    for expected in (
        f"{path}: brokr: unknown; did you mean broker?",
        f'{path}: port: expected a whole number from 0 to 65535, came "80"',
        f"{path}: password: secrets come from the environment alone",
        f"{path}: run: expected a run of lower-case letters",
        f"{path}: store: expected the URL of a store",
        "NAKHON_COLLECT_PROT: unknown; did you mean NAKHON_COLLECT_PORT?",
        "NAKHON_COLLECT_MQTT: expected one of 5, 3.1.1, came",
        "--ca: no such file: /nope.pem",
        "broker: missing; give --broker, NAKHON_COLLECT_BROKER",
        "api_cert: expected api_key beside it",
    ):
        assert expected in told
    assert "hunter22" not in told


@pytest.mark.parametrize(
    ("text", "complaint"), [("port = ", "not a TOML file"), ("\xff", "not a TOML file"), (None, "cannot read")]
)
def test_a_file_that_cannot_be_read_is_said_to_be_so(tmp_path, text, complaint):
    path = tmp_path / "collector.toml"
    if text is not None:
        path.write_bytes(text.encode("latin-1"))
    with pytest.raises(InputError, match=complaint):
        gather(path, {}, LEAST)


def test_a_password_in_a_url_is_refused_and_not_repeated():
    with pytest.raises(InputError) as caught:
        gather(None, {}, LEAST | {"broker": "mqtt://me:hunter22@localhost"})
    assert "NAKHON_MQTT_PASSWORD" in str(caught.value)
    assert "hunter22" not in str(caught.value)


def test_the_url_of_a_webhook_may_hold_a_secret_and_is_not_printed():
    hook = {PREFIX + "ALERTS_WEBHOOK": "https://hooks.example/T0/hunter22"}
    settings = gather(None, hook, LEAST | {"alerts": "thailand"})
    assert settings["alerts_webhook"].endswith("hunter22")
    lines = "\n".join(settings.lines({}))
    assert "hunter22" not in lines
    assert f"# alerts_webhook is set and may hold a secret  # {PREFIX}ALERTS_WEBHOOK" in lines


def test_the_settings_in_force_are_a_file_of_settings_again_and_name_every_setting(tmp_path):
    told = LEAST | {"port": 0, "run": ["a", "b"], "client_id": 'quo"te \\ ü', "log_format": "json"}
    settings = gather(None, {}, told)
    text = "\n".join(settings.lines({"NAKHON_API_TOKEN": True, "NAKHON_MQTT_PASSWORD": False}))
    again = gather(file(tmp_path, text), {}, {})
    assert {name: again[name] for name in SETTINGS} == {name: settings[name] for name in SETTINGS}
    assert "# NAKHON_API_TOKEN is set\n# NAKHON_MQTT_PASSWORD is not set" in text
    assert all(f"{name} = " in text or f"# {name} is not set" in text for name in SETTINGS)


TOML = st.recursive(
    st.booleans() | st.integers() | st.text(max_size=20) | st.floats(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=4,
)


@given(st.dictionaries(st.sampled_from([f"--{name.replace('_', '-')}" for name in SETTINGS]), TOML, max_size=4))
def test_no_value_whatever_raises_anything_but_an_explanation(values):
    named = {key.removeprefix("--").replace("-", "_"): value for key, value in values.items()}
    with suppress(InputError):
        assert set(gather(None, {}, LEAST | named).values) == set(SETTINGS)


@given(st.dictionaries(st.text(max_size=12).map(lambda text: PREFIX + text), st.text(max_size=12), max_size=4))
def test_no_environment_whatever_raises_anything_but_an_explanation(variables):
    with suppress(InputError):
        assert set(gather(None, variables, LEAST).values) == set(SETTINGS)


def test_the_lines_are_toml():
    assert tomllib.loads("\n".join(gather(None, {}, LEAST).lines({})))["port"] == 8080
