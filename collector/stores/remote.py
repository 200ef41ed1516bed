"""A running collector as a store to read from, over its HTTP API."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from http.client import HTTPException
from typing import Any, TypeVar
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode, urlsplit
from urllib.request import OpenerDirector, ProxyHandler, Request, build_opener

import pyarrow as pa
from pydantic import TypeAdapter, ValidationError

from collector.language.errors import InputError, StoreError
from collector.language.messages import Message
from collector.language.profile import CityProfile, StationProfile, Status
from collector.serving.exchange import CityEntry, decode_rejection, selection_parameters
from collector.stores.protocol import Batch, Fate, Position, Promise, Rejection, RunInfo, Selection
from collector.stores.secrets import secret

Checked = TypeVar("Checked")
Parameters = Sequence[tuple[str, str]]
TOKEN = "NAKHON_API_TOKEN"  # noqa: S105 - the name of the variable, not what it holds
ARROW, JSON = "application/vnd.apache.arrow.stream", "application/json"
_PATIENCE = 120.0
_PENDING = re.compile(r"^nakhon_messages_pending (\S+)$", re.MULTILINE)
_EMPTY = ("unknown", "empty")  # like any store: a run that is not there has no rows


def open_store(url: str, *, read_only: bool = True) -> RemoteStore:  # noqa: ARG001 - it cannot be anything else
    """The running collector at `http://host:port`, to read from; a token is taken from NAKHON_API_TOKEN.

    Raises
    ------
    InputError
        For a URL without a host, or with a password in it.
    StoreError
        If no collector answers there.
    """
    parts = urlsplit(url)
    if parts.username or parts.password:
        raise InputError(f"a password in a URL ends up in logs: put the collector's token into {TOKEN} instead")
    if not parts.hostname:
        raise InputError(f"expected the URL of a collector such as http://localhost:8080, came {url!r}")
    return RemoteStore(url.rstrip("/"))


class RemoteStore:
    """The reading half of a store; `write` refuses."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._opener: OpenerDirector = build_opener(ProxyHandler({}))
        health = self._json("/health")
        if not isinstance(health, dict) or health.get("service") != "nakhon":
            raise StoreError(f"expected a Nakhon collector at {url}, another service answered; check the address")
        self.promise = _checked(Promise, health.get("promise"))
        bucket = health.get("bucket")
        self.bucket = bucket if isinstance(bucket, int) and bucket > 0 else None

    def objection(self, message: Message) -> str | None:  # noqa: ARG002 - as every store
        """None: whatever follows the wire can be kept."""
        return None

    def write(self, batch: Batch) -> None:  # noqa: ARG002 - as every store
        """Raise `StoreError`: readings reach a collector through its broker."""
        raise StoreError(f"cannot write to {self.url}: publish to the collector's broker instead")

    def positions(self, run: str | None = None) -> list[Position]:
        """How far every stream (of a run) is stored."""
        return _checked(list[Position], self._json("/api/v1/positions", _of(run))["positions"])

    def rejections(self, run: str | None = None, limit: int = 100_000) -> list[Rejection]:
        """The newest messages kept outside the readings, oldest first; payloads as kept.

        Raises `StoreError` if they are too many bytes for one answer.
        """
        told = self._json("/api/v1/rejections", [*_of(run), ("limit", str(limit))])
        if told["left_out"]:
            raise StoreError(f"{told['left_out']} rejections do not fit into one answer; ask for fewer by a limit")
        try:
            return [decode_rejection(entry) for entry in told["rejections"]]
        except (KeyError, TypeError, ValueError) as error:
            raise StoreError(f"expected rejections as this version of Nakhon knows them, came {error!r}") from None

    def counts(self, run: str) -> dict[Fate, int]:
        """How many deliveries of a run came to each fate, ever."""
        return _checked(dict[Fate, int], self._json(_path(run, "counts"), [_EMPTY])["counts"])

    def pending(self) -> int:
        """How many messages have reached the collector and are not stored yet."""
        found = _PENDING.search(self._ask("/metrics", (), "text/plain").decode())
        if found is None:
            raise StoreError(f"{self.url}/metrics does not tell what is pending; is it a Nakhon collector?")
        return int(float(found[1]))

    def runs(self) -> list[RunInfo]:
        """The runs in the store, oldest first."""
        return _checked(list[RunInfo], self._json("/api/v1/runs")["runs"])

    def cities(self, run: str) -> list[tuple[CityProfile, Status]]:
        """The cities of a run with their newest status."""
        entries = _checked(list[CityEntry], self._json(_path(run, "cities"), [_EMPTY])["cities"])
        return [(entry.profile, entry.status) for entry in entries]

    def stations(self, run: str) -> list[StationProfile]:
        """The stations of a run that sent a birth."""
        return _checked(list[StationProfile], self._json(_path(run, "stations"), [_EMPTY])["stations"])

    def series(self, run: str | None = None) -> pa.Table:
        """One row per series, as `Store.series`."""
        return self._table("/api/v1/series", _of(run))

    def read(self, selection: Selection) -> pa.Table:
        """Values, as `Store.read`."""
        return _as_stored(self._table("/api/v1/read", [*selection_parameters(selection), _EMPTY]))

    def flags(self, run: str | None = None) -> pa.Table:
        """The flags (of a run), as `Flagging.flags`."""
        return self._table("/api/v1/flags", _of(run))

    def flag(self, run: str, flags: pa.Table) -> None:  # noqa: ARG002 - as every store
        """Raise `StoreError`: the collector's own store is flagged where its file is."""
        raise StoreError(f"cannot write to {self.url}: run `nakhon store flag` beside the store, or in the collector")

    def latest(self, run: str) -> pa.Table:
        """The last value of each series, as `Store.latest`."""
        return _as_stored(self._table(_path(run, "latest"), [_EMPTY])).drop_columns(["origin"])

    def maintain(self) -> None:
        """Nothing waits here: the collector looks after its own store."""

    def close(self) -> None:
        """Nothing to let go of: every question is a connection of its own."""

    def _json(self, path: str, parameters: Parameters = ()) -> Any:
        body = self._ask(path, parameters, JSON)
        try:
            return json.loads(body)
        except ValueError:
            raise StoreError(
                f"expected JSON from {self.url}{path}, came something else; is it a Nakhon collector?"
            ) from None

    def _table(self, path: str, parameters: Parameters) -> pa.Table:
        body = self._ask(path, parameters, ARROW)
        try:
            return pa.ipc.open_stream(body).read_all()
        except pa.ArrowInvalid as error:
            raise StoreError(f"the answer of {self.url}{path} is broken: {error}; try again") from None

    def _ask(self, path: str, parameters: Parameters, kind: str) -> bytes:
        query = f"?{urlencode(list(parameters))}" if parameters else ""
        request = Request(f"{self.url}{path}{query}", headers={"Accept": kind})  # noqa: S310 - http(s) by open_store
        if token := secret(TOKEN):
            request.add_unredirected_header("Authorization", f"Bearer {token}")  # never to another host
        try:
            with self._opener.open(request, timeout=_PATIENCE) as answer:
                body: bytes = answer.read()
                return body
        except HTTPError as error:
            raise _explained(error, self.url) from None
        except (URLError, HTTPException, OSError) as error:
            reason = getattr(error, "reason", error)
            raise StoreError(f"no collector answers at {self.url}: {reason}; start one, or check the address") from None


def _as_stored(table: pa.Table) -> pa.Table:
    """The table as a store tells it: the unit and what the schema says are the collector's courtesy."""
    table = table.drop_columns(["unit"])
    return table.cast(pa.schema([pa.field(one.name, one.type) for one in table.schema]))


def _of(run: str | None) -> list[tuple[str, str]]:
    return [] if run is None else [("run", run), _EMPTY]


def _path(run: str, name: str) -> str:
    return f"/api/v1/runs/{quote(run, safe='')}/{name}"


def _explained(error: HTTPError, url: str) -> Exception:
    with error:
        try:
            told = str(json.loads(error.read())["detail"])
        except (ValueError, KeyError, TypeError, OSError):
            return StoreError(f"{url} answered {error.code} {error.reason}; is it a Nakhon collector?")
    if error.code in (401, 403):
        return InputError(f"{url} refuses: {told}")
    return InputError(told) if error.code == 400 else StoreError(f"{url} answered {error.code}: {told}")


def _checked(kind: type[Checked], told: Any) -> Checked:
    try:
        return TypeAdapter(kind).validate_json(json.dumps(told))
    except ValidationError as error:
        raise StoreError(f"expected what this version of Nakhon knows, came {error.errors()[0]}") from None
