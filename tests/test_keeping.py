"""`nakhon store`, typed as its user would, and the same over the API of a collector."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from duckdb_samples import START, message
from parts import entry_of
from rich.console import Console

from collector.language.codec import encode
from collector.language.errors import InputError, StoreError
from collector.language.ledger import Header, LedgerWriter
from collector.language.messages import Message
from collector.serving.api import application
from collector.serving.live import Live
from collector.serving.metrics import Metrics
from collector.serving.serve import Server, serve
from collector.stores import open_store, remote_keeping
from collector.stores.duckdb.store import DuckDBStore
from collector.stores.keeping import Policy, length_text
from collector.stores.protocol import Accepted, Batch, Selection
from nakhon import keeping
from nakhon.cli import app
from nakhon.terminal.durations import parse_length

DAY = 86_400


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("keeping") / "city.duckdb"
    store = open_store(f"duckdb://{file}")
    store.write(Batch([message(i, START + 3600 * i, pm25=float(i), radon=1.0) for i in range(240)]))
    store.close()
    return file


@pytest.fixture
def url(file: Path, tmp_path: Path) -> str:
    """A store with ten days of readings."""
    return f"duckdb://{shutil.copy(file, tmp_path)}"


@pytest.fixture
def collector(url: str) -> Iterator[Server]:
    """The API of a collector that owns the store."""
    store = open_store(url)
    server = serve(application(store, Live(), Metrics(), lambda: None), "127.0.0.1", 0)
    yield server
    server.stop()
    store.close()


def typed(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[str, str]:
    """What a command prints, on the one and the other channel."""
    app(["store", *arguments], standalone_mode=False)
    out, err = capsys.readouterr()
    return out, err


def test_info_says_what_a_store_holds(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    out, _ = typed(capsys, "info", "--store", url, "--json")
    told = json.loads(out)
    assert (told["readings"], told["raw"], told["series"], told["unregistered"]) == (480, 480, 2, ["radon"])
    out, _ = typed(capsys, "info", "--store", url)
    assert "radon" in out
    assert "2026-03-01T00:00:00Z to 2026-03-10T23:00:00Z" in out


def test_retain_shows_first_and_does_it_only_when_told(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ("retain", "--store", url, "--raw", "3d", "--indicator", "pm25", "--json")
    planned = json.loads(typed(capsys, *asked)[0])
    assert (planned["applied"], planned["removals"][0]["values"]) == (False, 167)
    assert json.loads(typed(capsys, "info", "--store", url, "--json")[0])["raw"] == 480
    done = json.loads(typed(capsys, *asked, "--apply")[0])
    assert (done["applied"], done["removals"]) == (True, planned["removals"])
    assert json.loads(typed(capsys, "info", "--store", url, "--json")[0])["raw"] == 480 - 167
    assert "Nothing is that old" in typed(capsys, *asked[:-1])[0]


def test_backup_and_restore_bring_a_store_back(url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    copy = str(tmp_path / "copy.duckdb")
    assert "480 readings one by one, verified" in typed(capsys, "backup", copy, "--store", url)[1]
    typed(capsys, "delete-run", "run-1", "--store", url, "--apply")
    with pytest.raises(InputError, match="--replace"):
        typed(capsys, "restore", copy, "--store", url)
    typed(capsys, "restore", copy, "--store", url, "--replace")
    assert json.loads(typed(capsys, "info", "--store", url, "--json")[0])["raw"] == 480
    typed(capsys, "compact", "--store", url)
    assert json.loads(typed(capsys, "info", "--store", url, "--json")[0])["raw"] == 480


def test_deleting_a_run_is_shown_first(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    shown = typed(capsys, "delete-run", "run-1", "--store", url)[1]
    assert "run-1 (unknown): 2 series, 480 readings" in shown
    assert "say --apply" in shown
    assert json.loads(typed(capsys, "info", "--store", url, "--json")[0])["runs"] == 1
    with pytest.raises(InputError, match=r"no run 'run-2' .* \(it holds: run-1\)"):
        typed(capsys, "delete-run", "run-2", "--store", url)


def test_a_store_that_is_up_to_date_is_not_migrated(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert "nothing to do" in typed(capsys, "migrate", "--store", url)[1]


def test_a_copy_comes_over_the_api_of_a_running_collector(
    collector: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = tmp_path / "copy.duckdb"
    typed(capsys, "backup", str(copy), "--api", collector.url)
    told = json.loads(typed(capsys, "info", "--api", collector.url, "--json")[0])
    assert (told["raw"], told["backup"] is not None) == (480, True)
    again = open_store(f"duckdb://{copy}", read_only=True)
    assert again.read(Selection(("pm25",))).num_rows == 240
    again.close()
    with pytest.raises(InputError, match="exists"):
        typed(capsys, "backup", str(copy), "--api", collector.url)
    assert {path.name for path in tmp_path.iterdir()} <= {"city.duckdb", "city.duckdb.wal", "copy.duckdb"}


def test_a_copy_that_breaks_off_leaves_nothing(
    collector: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_keeping, "DIGEST", "another-header")
    with pytest.raises(StoreError, match="broke off"):
        remote_keeping.fetch_backup(collector.url, tmp_path / "copy.duckdb")
    with pytest.raises(StoreError, match="no collector answers"):
        remote_keeping.fetch_backup("http://127.0.0.1:9", tmp_path / "copy.duckdb")
    assert not list(tmp_path.glob("*copy*"))


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://127.0.0.1:9", "while the collector is stopped"),
        ("influxdb://localhost:8086/house/city", "retention of its bucket"),
        ("ducklake:postgres://localhost/city?data=files", "pg_dump"),
    ],
)
def test_stores_that_look_after_themselves_say_so(url: str, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        keeping.retain(url, Policy(raw=DAY), Console(), apply=False, as_json=False)


def test_a_restore_asks_a_ledger_first(tmp_path: Path) -> None:
    told = [message(i, START + 60 * i, pm25=1.0).message for i in range(5)]
    encoded = [encode(one) for one in told]
    with LedgerWriter(tmp_path / "run.ledger", Header("run-1", "s1", "simulated")) as ledger:
        for one, payload in zip(told, encoded, strict=True):
            ledger.record(one, payload)
    store = open_store(f"duckdb://{tmp_path}/city.duckdb")
    assert isinstance(store, DuckDBStore)
    stored = [accepted(one, payload) for one, payload in zip(told, encoded, strict=True)]
    store.write(Batch(stored[:3]))
    store.backup(tmp_path / "early.duckdb")
    store.write(Batch(stored[3:]))
    store.backup(tmp_path / "late.duckdb")
    store.close()
    place, console = f"duckdb://{tmp_path}/new.duckdb", Console(quiet=True)
    with pytest.raises(StoreError, match="of 5 messages 3 are stored, 2 are missing; nothing was restored"):
        keeping.restore(tmp_path / "early.duckdb", place, tmp_path / "run.ledger", console, replace=False)
    assert not (tmp_path / "new.duckdb").exists()
    keeping.restore(tmp_path / "late.duckdb", place, tmp_path / "run.ledger", console, replace=False)
    assert (tmp_path / "new.duckdb").exists()


def accepted(one: Message, payload: bytes) -> Accepted:
    return Accepted(one, entry_of(one, payload).digest, 0.0)


@pytest.mark.parametrize(("text", "seconds"), [("12h", 43_200), ("90d", 90 * DAY), ("8w", 56 * DAY), ("2y", 730 * DAY)])
def test_lengths_of_time(text: str, seconds: int) -> None:
    assert parse_length(text) == seconds
    assert parse_length(length_text(seconds)) == seconds


@pytest.mark.parametrize("text", ["", "90", "-1d", "1.5d", "9 d", "1month"])
def test_a_length_of_time_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="expected a length of time"):
        parse_length(text)
