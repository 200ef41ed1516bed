"""A PostgreSQL of the test's own: it listens on loopback, asks for a password, and can be killed and started again."""

from __future__ import annotations

import atexit
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from parts import free_port, listening, wait_for

from collector.stores import open_store, secrets

PASSWORD = "hushed & 'quoted' / secret"
USER = "collector"


class Postgres:
    """A server in a folder of the user who runs it, for it refuses root: outside of those that pytest closes."""

    def __init__(self) -> None:
        self.programs = _programs()
        self._account = _account()
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="nakhon-postgres-"))
        password = self.folder / "password"
        password.write_text(PASSWORD)
        for path in (self.folder, password):
            shutil.chown(path, self._account.pw_uid, self._account.pw_gid)
        self._data = self.folder / "data"
        self._made("initdb", "-D", self._data, "-U", USER, "-A", "scram-sha-256", f"--pwfile={password}",
                   "-E", "UTF8", "--locale=C", "--no-sync")  # fmt: skip

    def start(self, *settings: str) -> None:
        """Start it, with settings such as `max_connections=20`."""
        options = [f"port={self.port}", "listen_addresses=127.0.0.1", f"unix_socket_directories={self.folder}"]
        told = [part for option in (*options, *settings) for part in ("-c", option)]
        log = (self.folder / "server.log").open("ab")
        with log:
            self._process = subprocess.Popen(
                [self.programs / "postgres", "-D", self._data, *told], stdout=log, stderr=log, **self._as_account()
            )
        wait_for(self._answers, 30, "PostgreSQL to answer")

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop it: at once and in order (SIGINT), or without a word to anybody (SIGQUIT)."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(30)
            self._process = None

    def remove(self) -> None:
        """Stop it and leave nothing behind."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def database(self, name: str) -> str:
        """Create a database; its URL without a password."""
        self.sql(f'CREATE DATABASE "{name}"')
        return f"postgres://{USER}@127.0.0.1:{self.port}/{name}"

    def sql(self, statement: str, database: str = "postgres", then: tuple[str, ...] = ()) -> str:
        """What psql prints for a statement and those that follow it, without headings."""
        told = ["-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", str(self.port), "-U", USER]
        asked = [part for one in (statement, *then) for part in ("-c", one)]
        return self._made("psql", *told, "-d", database, *asked).strip()

    def _answers(self) -> bool:
        if not listening(self.port):
            return False
        command = [self.programs / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(command, timeout=10).returncode == 0

    def _made(self, program: str, *arguments: str | Path) -> str:
        command = [self.programs / program, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, **self._as_account())
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def _as_account(self) -> dict[str, Any]:
        changed: dict[str, Any] = {"user": self._account.pw_uid, "group": self._account.pw_gid, "extra_groups": []}
        environment = {"PATH": os.environ["PATH"], "PGPASSWORD": PASSWORD, "LC_ALL": "C"}
        told: dict[str, Any] = {"env": environment, "cwd": self.folder}
        return told | (changed if os.geteuid() == 0 else {})


def _programs() -> Path:
    """The folder of PostgreSQL's programs; Debian keeps them out of the PATH."""
    found = shutil.which("initdb")
    places = [Path(found).resolve().parent] if found else []
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for place in places:
        if all((place / program).exists() for program in ("initdb", "postgres", "psql", "pg_isready")):
            return place
    if "postgresql" in os.environ.get("NAKHON_REQUIRE", "").split(","):
        pytest.fail("postgresql is not installed")
    pytest.skip("postgresql is not installed")


def _account() -> pwd.struct_passwd:
    """The user that runs it: this one, or where that is root, `postgres` or else `nobody`."""
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid())
    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    return names.get("postgres") or names["nobody"]


@cache
def shared() -> Postgres:
    """One server for all tests that leave it running, started by the first."""
    server = Postgres()
    server.start("fsync=off")
    atexit.register(server.remove)
    return server


def lake_url(folder: Path, server: Postgres | None = None) -> str:
    """The URL of a new DuckLake whose data are in a folder of the test's; the password is provided to the stores."""
    data = folder / "lake"
    data.mkdir()
    secrets.provide({**secrets._provided, secrets.POSTGRES_PASSWORD: PASSWORD})
    server = server or shared()
    return f"ducklake:{server.database(f'lake_{uuid4().hex}')}?data={data}"


def made_lake_url(folder: Path) -> str:
    """The same of a lake that is made already: a copy of one that a store made, which takes a tenth of the time."""
    template = _template()
    data, name = folder / "lake", f"lake_{uuid4().hex}"
    shutil.copytree(template, data)
    moved = f"UPDATE ducklake_metadata SET value = '{data}/' WHERE key = 'data_path'"
    shared().sql(f'CREATE DATABASE "{name}" TEMPLATE lake_template', then=(f'\\connect "{name}"', moved))
    secrets.provide({**secrets._provided, secrets.POSTGRES_PASSWORD: PASSWORD})
    return f"ducklake:postgres://{USER}@127.0.0.1:{shared().port}/{name}?data={data}"


@cache
def _template() -> Path:
    """The data of an empty lake, whose catalogue is the database `lake_template`."""
    data = shared().folder / "lake"
    data.mkdir()
    secrets.provide({**secrets._provided, secrets.POSTGRES_PASSWORD: PASSWORD})
    open_store(f"ducklake:{shared().database('lake_template')}?data={data}").close()
    return data
