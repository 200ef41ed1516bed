"""A TCP proxy that can cut, stall, delay and half-open what goes through it: the network on a bad day."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

CHUNK = 1 << 16


class FaultProxy:
    """Forwards connections to `127.0.0.1:port` until told otherwise; `heal` ends every fault.

    A stall and a delay keep connections; a cut resets them and refuses new ones; half-open, the far side is gone and
    the near side is not told: what it sends is swallowed. Every method may be called from any thread.
    """

    def __init__(self, target: int, host: str = "127.0.0.1") -> None:
        self.port = 0
        self._target = (host, target)
        self._loop = asyncio.new_event_loop()
        self._gate = asyncio.Event()
        self._gate.set()
        self._delay = 0.0
        self._refusing = self._deaf = False
        self._far: set[asyncio.StreamWriter] = set()
        self._near: set[asyncio.StreamWriter] = set()
        self._listening = threading.Event()
        self._end = asyncio.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=[self._serve()], daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._listening.wait(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._do(self._end.set)
        self._thread.join(10)
        self._loop.close()

    def heal(self) -> None:
        """Forward again; connections that hang on a side that is gone are reset."""
        self._do(self._heal)

    def cut(self) -> None:
        """Reset every connection and refuse new ones."""
        self._do(self._cut)

    def stall(self) -> None:
        """Forward nothing more, and say nothing."""
        self._do(self._gate.clear)

    def half_open(self) -> None:
        """Let go of the far side, and swallow what the near side sends."""
        self._do(self._half_open)

    def delay(self, seconds: float) -> None:
        """Hold everything back for a time."""
        self._do(lambda: setattr(self, "_delay", seconds))

    def _do(self, what: Callable[[], object]) -> None:
        self._loop.call_soon_threadsafe(what)

    def _heal(self) -> None:
        if self._deaf:
            _abort(self._near)
        self._refusing = self._deaf = False
        self._delay = 0.0
        self._gate.set()

    def _cut(self) -> None:
        self._refusing = True
        _abort(self._near | self._far)

    def _half_open(self) -> None:
        self._deaf = True
        _abort(self._far)

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._listening.set()
        await self._end.wait()
        server.close()
        _abort(self._near | self._far)
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far: asyncio.StreamWriter | None = None
        self._near.add(writer)
        try:
            if self._deaf:
                await self._swallow(reader)
            if not self._refusing:
                answer, far = await asyncio.open_connection(*self._target)
                self._far.add(far)
                await asyncio.gather(self._pump(reader, far, near=True), self._pump(answer, writer, near=False))
        except (OSError, asyncio.CancelledError):
            pass  # a side is gone, or the proxy ends: so does the connection
        finally:
            for one in (writer, far):
                if one is not None:
                    one.transport.abort()
            self._near.discard(writer)
            self._far.discard(far)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, near: bool) -> None:
        try:
            while data := await source.read(CHUNK):
                await self._gate.wait()
                if self._delay:
                    await asyncio.sleep(self._delay)
                sink.write(data)
                await sink.drain()
        except OSError:
            if not self._deaf:
                raise
        if self._deaf:
            await (self._swallow(source) if near else asyncio.Event().wait())
        raise ConnectionResetError

    async def _swallow(self, source: asyncio.StreamReader) -> None:
        with contextlib.suppress(OSError):
            while await source.read(CHUNK):
                pass


def _abort(writers: set[asyncio.StreamWriter]) -> None:
    for one in writers:
        one.transport.abort()
