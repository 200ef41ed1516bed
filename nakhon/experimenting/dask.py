"""Workers of a Dask cluster that simulate runs; the values come back and are written here."""

from __future__ import annotations

import contextlib
import logging
import re
import socket
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from collector.language.errors import InputError
from nakhon import __version__
from nakhon.experimenting.workers import Performer, Record, keep
from nakhon.experimenting.writing import Task, failed, provenance, simulated
from nakhon.terminal.console import told

PATIENCE = 15.0
WITHOUT_WORKERS = 60.0
"""Seconds that a cluster may be without any worker."""
LOOK = 1.0
"""Seconds between two looks at who is there, while nothing comes back."""
AHEAD = 2
"""Runs given out for each worker: one at work, one waiting, so that what comes back can be kept up with."""


@contextlib.contextmanager
def dask_workers(directory: Path, address: str) -> Iterator[Performer]:
    """Yield what performs tasks on the workers of a scheduler such as `tcp://host:8786`.

    Raises `InputError` if the optional part is not installed, or nobody answers there.
    """
    host = re.fullmatch(r"(?:tcp|tls)://([^\s/@]+):(\d{1,5})", address)
    if host is None:
        raise InputError(f"expected the address of a Dask scheduler such as tcp://localhost:8786, came {address!r}")
    try:
        from distributed import Client
    except ImportError:
        raise InputError("--dask needs the optional part of Nakhon: pip install 'nakhon[dask]'") from None
    for name in ("distributed", "distributed.client"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # a lost scheduler is said in a sentence, not in a traceback
    try:
        socket.create_connection((host[1].strip("[]"), int(host[2])), timeout=PATIENCE).close()  # Dask tries for long
        client = Client(address, timeout=PATIENCE, set_as_default=False)
    except (OSError, OverflowError, ValueError) as error:
        raise InputError(f"no Dask scheduler answers at {address}: {error}") from None
    try:
        _same_version(client)
        if not _workers(client):
            told.print(f"no worker has joined the scheduler at {address} yet; waiting {WITHOUT_WORKERS:g} s for one")
        yield _Cluster(client, directory).perform
    finally:
        client.close(timeout=PATIENCE)


def _same_version(client: Any) -> None:
    """Raise `InputError` if a worker has no Nakhon or another version, whose results would not be the same."""
    found = client.run(_version, on_error="return")
    others = {name: said for name, said in found.items() if isinstance(said, str | ImportError) and said != __version__}
    if others:
        names = ", ".join(f"{name} has {said}" for name, said in sorted(others.items())[:5])
        raise InputError(f"expected Nakhon {__version__} on every worker of the cluster: {names}")


def _version() -> str:
    return __version__


class _Cluster:
    """Gives tasks to the workers of a cluster and takes what comes back."""

    def __init__(self, client: Any, directory: Path) -> None:
        self._client, self._directory = client, directory

    def perform(self, tasks: Sequence[Task], began: Callable[[Task], None]) -> Iterator[tuple[Task, Record]]:
        """Yield each task and its record when it has ended; the cluster repeats those whose worker died."""
        given: dict[str, Task] = {}
        waiting = deque(tasks)
        coming: SimpleQueue[Any] = SimpleQueue()
        while waiting or given:
            while waiting and len(given) < max(1, AHEAD * _workers(self._client)):
                task = waiting.popleft()
                began(task)
                future = self._client.submit(simulated, task, pure=False)
                given[future.key] = task
                future.add_done_callback(coming.put)
            future = self._next(coming)
            task = given.pop(future.key)
            yield task, self._ended(future, task)
            future.release()

    def _next(self, coming: SimpleQueue[Any]) -> Any:
        """Get what has ended. Raises `InputError` if all workers are gone for too long."""
        seen = time.monotonic()
        while True:
            with contextlib.suppress(Empty):
                return coming.get(timeout=LOOK)
            if _workers(self._client):
                seen = time.monotonic()
            elif time.monotonic() - seen > WITHOUT_WORKERS:
                raise InputError(
                    f"no worker for {WITHOUT_WORKERS:g} s: what is finished is kept; start workers "
                    "(dask worker ADDRESS --nthreads 1), and the same command goes on where this one ended"
                )

    def _ended(self, future: Any, task: Task) -> Record:
        if future.status == "finished":
            payload, record = future.result()
            return keep(self._directory, task, payload, record)
        if future.status == "cancelled":
            raise InputError("the Dask scheduler is gone; the same command goes on where this one ended")
        return failed(provenance(task), f"the cluster gave it up: {future.exception()}")


def _workers(client: Any) -> int:
    return len(client.scheduler_info(n_workers=-1)["workers"])
