"""Messages of one number and other bytes that two collectors stored: the later one as a rejected message.

The collectors did not keep its bytes, so its payload is written anew from what was stored of it.
"""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any

from duckdb import DuckDBPyConnection

from collector.language.codec import dump
from collector.language.time import format_epoch
from collector.language.topics import Kind
from collector.stores.protocol import Fate, Rejection

_CONTRADICTING = """
SELECT stream, seq, batch, judged.digest, received, judged.run, topic, session
FROM judged JOIN stream ON stream.id = judged.stream
WHERE fate = 'conflict' AND (?::VARCHAR IS NULL OR judged.run = ?) ORDER BY received DESC LIMIT ?
"""
_OF_THEM = "JOIN (SELECT stream, seq, batch FROM judged WHERE fate = 'conflict') AS one USING (stream, seq, batch)"
_READINGS = f"""
SELECT stream, seq, batch, indicator, epoch(time)::BIGINT, value
FROM lake.fresh AS told {_OF_THEM} JOIN series ON series.id = told.series ORDER BY time
"""  # noqa: S608
_EVENTS = f"SELECT stream, seq, batch, epoch(time)::BIGINT, told.id, type, fields FROM lake.events AS told {_OF_THEM}"  # noqa: S608
_STATISTICS = f"""
SELECT stream, seq, batch, indicator, period, epoch(published)::BIGINT, revision, value
FROM lake.statistics AS told {_OF_THEM} JOIN series ON series.id = told.series
"""  # noqa: S608

Key = tuple[int, int, int]


def contradictions(connection: DuckDBPyConnection, run: str | None, limit: int) -> list[Rejection]:
    """The newest messages that contradict one stored before by another collector, oldest first, not sealed yet."""
    rows = connection.execute(_CONTRADICTING, [run, run, limit]).fetchall()
    if not rows:
        return []
    bodies = _bodies(connection)
    told = []
    for *key, digest, received, of_run, topic, session in reversed(rows):
        kind, body = bodies.get((key[0], key[1], key[2]), (Kind.READINGS, {}))
        payload = dump({"session": session, "seq": key[1]} | body)
        tail = "" if kind is Kind.READINGS else f"/{kind.value}"
        reason = f"number {key[1]} of session {session} is taken by other bytes, stored by another collector"
        told.append(Rejection(topic + tail, payload, len(payload), digest, reason, received, Fate.CONFLICT, of_run))
    return told


def _bodies(connection: DuckDBPyConnection) -> dict[Key, tuple[Kind, dict[str, Any]]]:
    """The kind and the fields of each contradicting message."""
    columns: defaultdict[Key, defaultdict[str, dict[int, float]]] = defaultdict(lambda: defaultdict(dict))
    for *key, indicator, time, value in connection.execute(_READINGS).fetchall():
        columns[key[0], key[1], key[2]][indicator][time] = value
    bodies = {key: (Kind.READINGS, _readings(told)) for key, told in columns.items()}
    for *key, time, identity, kind, fields in connection.execute(_EVENTS).fetchall():
        event = {"time": format_epoch(time), "id": identity, "type": kind} | json.loads(fields)
        bodies[key[0], key[1], key[2]] = (Kind.EVENTS, event)
    for *key, indicator, period, published, revision, value in connection.execute(_STATISTICS).fetchall():
        stamp = format_epoch(published)
        statistic = {"indicator": indicator, "period": period, "published": stamp}
        bodies[key[0], key[1], key[2]] = (Kind.STATISTICS, statistic | {"revision": revision, "value": value})
    return bodies


def _readings(columns: dict[str, dict[int, float]]) -> dict[str, Any]:
    times = sorted({time for column in columns.values() for time in column})
    told = {name: [column.get(time) for time in times] for name, column in columns.items()}
    return {"time": [format_epoch(time) for time in times]} | told
