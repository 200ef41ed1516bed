"""A store is shown without a broker, to this machine only unless there is a token, and stays as it is."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.request import urlopen

import pytest
from duckdb_samples import START, message

from collector.language.errors import InputError, StoreError
from collector.serving.access import Tokens
from collector.stores import open_store
from collector.stores.protocol import Batch
from nakhon.show import showing


def test_what_a_store_holds_is_shown_and_nothing_is_changed(tmp_path: Path) -> None:
    path = tmp_path / "city.duckdb"
    store = open_store(f"duckdb://{path}")
    store.write(Batch([message(0, START, pm25=20.0)]))
    store.close()
    before = path.read_bytes()
    with showing(f"duckdb://{path}", "127.0.0.1", 0, (), Tokens()) as server:
        for address, key in (("/ready", "ready"), ("/api/v1/runs", "runs")):
            with urlopen(server.url + address, timeout=30) as answer:
                assert json.load(answer)[key]
        with urlopen(f"{server.url}/", timeout=30) as answer:
            assert b"Nakhon" in answer.read()
    assert path.read_bytes() == before


def test_a_store_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with (
        pytest.raises(StoreError, match="there is no store"),
        showing(f"duckdb://{tmp_path}/nope.duckdb", "127.0.0.1", 0, (), Tokens()),
    ):
        pass
    assert not list(tmp_path.iterdir())


def test_others_than_this_machine_need_a_token(tmp_path: Path) -> None:
    with (
        pytest.raises(InputError, match="NAKHON_API_TOKEN"),
        showing(f"duckdb://{tmp_path}/x", "0.0.0.0", 0, (), Tokens()),
    ):
        pass
