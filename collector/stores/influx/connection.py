"""An InfluxDB 2.x server: lines go in, columns come out, buckets are found or made, errors say what to do."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import pyarrow as pa
import urllib3
from influxdb_client import BucketRetentionRules, Dialect, InfluxDBClient, WriteService
from influxdb_client.rest import ApiException
from pyarrow import csv

from collector.language.errors import StoreBusy, StoreError, StoreFull
from collector.stores.influx.url import INFLUXDB, Target
from collector.stores.secrets import INFLUX_TOKEN, secret

LINES = 5_000  # in a request, as the makers of InfluxDB advise
_CONNECT, _WRITE, _READ = 5_000, 30_000, 120_000  # milliseconds
_NO_CONTENT, _NOT_FOUND = 204, 404
_EMPTY = "Empty CSV file"
_DIALECT = Dialect(header=True, annotations=[], delimiter=",", comment_prefix="#", date_time_format="RFC3339")


class Influx:
    """One server, organization and token, for any thread; every error is a `StoreError`, none holds the token."""

    def __init__(self, target: Target) -> None:
        self._target = target
        token = secret(INFLUX_TOKEN)
        if token is None and target.dialect == INFLUXDB:
            raise StoreError(f"{target.server} wants a token: set {INFLUX_TOKEN} in the environment")
        self._client = InfluxDBClient(
            url=target.server,
            token=token or "",
            org=target.organization,
            timeout=(_CONNECT, _READ),
            ssl_ca_cert=target.ca,
        )
        self._writes = WriteService(self._client.api_client)
        self._queries = self._client.query_api()

    def write(self, bucket: str, lines: Sequence[str], precision: str) -> None:
        """Return when the server has all lines in its log on the disk; some may be kept where it raises."""
        for at in range(0, len(lines), LINES):
            body = gzip.compress("\n".join(lines[at : at + LINES]).encode(), compresslevel=1)
            with self._explaining(bucket):
                _, status, _ = self._writes.post_write_with_http_info(
                    self._target.organization,
                    bucket,
                    body,
                    precision=precision,
                    content_encoding="gzip",
                    content_type="text/plain; charset=utf-8",
                    _request_timeout=(_CONNECT, _WRITE),
                )
            if status != _NO_CONTENT:
                raise StoreError(f"expected {self._target.server} to answer a write with 204, came {status}")

    def ask(self, flux: str, columns: Mapping[str, pa.DataType]) -> pa.Table:
        """The named columns of what a Flux query tells, all its tables on end; no text may hold a line break."""
        schema = pa.schema(list(columns.items()))
        return pa.Table.from_batches(list(self.stream(flux, columns)), schema).unify_dictionaries()

    def stream(self, flux: str, columns: Mapping[str, pa.DataType]) -> Iterator[pa.RecordBatch]:
        """The same, piece by piece, for what may be longer than memory; a broken answer raises, it never just ends."""
        with self._explaining(self._target.bucket):
            answer = self._queries.query_raw(flux, dialect=_DIALECT)
            try:
                yield from self._parsed(answer, columns)
            finally:
                answer.close()
                answer.release_conn()

    def ready(self, *, create: bool) -> int:
        """How long values are kept, in seconds (0 for ever); with `create`, buckets that are missing are made.

        Raises `StoreError` unless both buckets are there as the URL wants them.
        """
        target = self._target
        self._bucket(target.accounts, 0, create=create)
        return self._bucket(target.bucket, target.retention, create=create)

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    def _parsed(self, answer: Any, columns: Mapping[str, pa.DataType]) -> Iterator[pa.RecordBatch]:
        convert = csv.ConvertOptions(
            column_types=dict(columns), include_columns=list(columns), strings_can_be_null=False
        )
        block = csv.ReadOptions(block_size=8 << 20)
        try:
            source = pa.PythonFile(answer, mode="r")
            yield from csv.open_csv(source, read_options=block, convert_options=convert)
        except (pa.ArrowInvalid, KeyError) as error:
            if _EMPTY in str(error):
                return
            said = str(error).splitlines()[0][:300]
            raise StoreError(f"{self._target.server} broke off its answer: {said}; try again") from None

    def _bucket(self, name: str, retention: int | None, *, create: bool) -> int:
        found = self._find(name)
        if found is None:
            if not create:
                raise StoreError(_missing(name, self._target))
            self._create(name, retention or 0)
            return retention or 0
        kept = sum(rule.every_seconds or 0 for rule in found.retention_rules)
        if retention is not None and kept != retention:
            raise StoreError(
                f"expected bucket {name} to keep its points for {_told(retention)}, it keeps them for {_told(kept)}: "
                f"change it (influx bucket update --retention {_told(retention, 0)}), or the URL"
            )
        return int(kept)

    def _find(self, name: str) -> Any:
        with self._explaining(name):
            try:
                buckets = self._client.buckets_api().find_buckets(name=name, org=self._target.organization).buckets
            except ApiException as error:
                if error.status == _NOT_FOUND and _said(error).startswith("bucket"):
                    return None
                raise
        return buckets[0] if buckets else None

    def _create(self, name: str, seconds: int) -> None:
        rules = [BucketRetentionRules(type="expire", every_seconds=seconds)]
        with self._explaining(name):
            try:
                self._client.buckets_api().create_bucket(
                    bucket_name=name, retention_rules=rules, org=self._target.organization
                )
            except ApiException as error:
                if "already exists" not in _said(error):  # another collector was quicker
                    raise

    @contextmanager
    def _explaining(self, bucket: str) -> Iterator[None]:
        try:
            yield
        except ApiException as error:
            raise _explained(error, bucket, self._target) from None
        except urllib3.exceptions.HTTPError as error:
            reason = str(getattr(error, "reason", None) or error)[:300]
            raise StoreError(f"no answer from {self._target.server}: {reason}; is InfluxDB running there?") from None


def _explained(error: Any, bucket: str, target: Target) -> StoreError:
    said, where = _said(error).partition(" - oldest point")[0], f"{target.server}, bucket {bucket}"
    match error.status:
        case 401:
            return StoreError(
                f"{target.server} does not accept the token in {INFLUX_TOKEN}: {said}; make one for {bucket}"
            )
        case 403:
            return StoreError(f"the token in {INFLUX_TOKEN} may not do this to bucket {bucket}: {said}")
        case 404:
            return StoreError(f"{where}: {said}; check organization and bucket in the URL")
        case 413:
            return StoreFull(f"{where}: the request is too large for the server: {said}; raise its limit")
        case 422 if "retention" in said:
            return StoreError(
                f"{where}: {said}. Nothing of these messages is acknowledged: they are older than what the bucket "
                f"keeps. Lengthen it (influx bucket update --name {bucket} --retention 0) or name another bucket"
            )
        case 429 | 503:
            return StoreBusy(f"{where} is busy: {said}; try again")
        case 0:
            return StoreError(
                f"no secure connection to {target.server}: {error.reason}; name its certificate with ?ca="
            )
    if "no space left" in said:
        return StoreFull(f"no space is left at {where}: make room; nothing of the last batch is acknowledged")
    return StoreError(f"{where} answered {error.status}: {said}")


def _said(error: Any) -> str:
    body = error.body.decode("utf-8", "replace") if isinstance(error.body, bytes) else str(error.body or error.reason)
    with suppress(ValueError, KeyError, TypeError):
        body = str(json.loads(body)["message"])
    return body[:500]


def _missing(name: str, target: Target) -> str:
    return (
        f"organization {target.organization} at {target.server} has no bucket {name}: add ?create=true to the URL, or "
        f"influx bucket create --org {target.organization} --name {name}"
    )


def _told(retention: int, forever: str | int = "ever") -> str:
    if not retention:
        return str(forever)
    return f"{retention // 86_400}d" if retention % 86_400 == 0 else f"{retention // 3600}h"
