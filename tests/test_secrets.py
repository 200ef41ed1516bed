import pytest

from collector.language.errors import InputError
from nakhon.cli.options import LARGEST_SECRET, SECRETS, hidden, secrets

TOKEN, PASSWORD, USERNAME = "NAKHON_API_TOKEN", "NAKHON_MQTT_PASSWORD", "NAKHON_MQTT_USERNAME"


@pytest.fixture(autouse=True)
def credentials(tmp_path, monkeypatch):
    for name in SECRETS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    return tmp_path


def test_the_environment_counts_before_a_file_and_what_is_nowhere_is_not_set(credentials, monkeypatch):
    (credentials / TOKEN).write_text("from the file\n")
    (credentials / PASSWORD).write_text("from the file\n")
    monkeypatch.setenv(PASSWORD, "from the environment")
    assert secrets() == {TOKEN: "from the file", PASSWORD: "from the environment"}


def test_an_empty_variable_or_file_is_not_set(credentials, monkeypatch):
    (credentials / TOKEN).write_text("\n")
    monkeypatch.setenv(PASSWORD, "")
    assert secrets() == {}


def test_other_files_of_the_directory_are_not_read(credentials):
    (credentials / "tls.key").write_text("x" * 2 * LARGEST_SECRET)
    assert secrets() == {}


@pytest.mark.parametrize("content", [b"x" * (LARGEST_SECRET + 1), b"\xff\xfe", None])
def test_a_secret_that_is_no_short_text_is_refused_and_not_shown(credentials, content):
    if content is None:
        (credentials / TOKEN).mkdir()
    else:
        (credentials / TOKEN).write_bytes(content)
    with pytest.raises(InputError, match=TOKEN) as caught:
        secrets()
    assert "xxx" not in str(caught.value)


def test_a_users_name_is_no_secret_in_a_log():
    assert hidden({USERNAME: "collector", PASSWORD: "correct horse"}) == ["correct horse"]
