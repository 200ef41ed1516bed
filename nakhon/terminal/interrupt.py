"""What ends a command: Ctrl-C and SIGTERM (the first asks to end in order, the second ends at once), and a limit."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType


@contextlib.contextmanager
def on_interrupt(ask: Callable[[], None]) -> Iterator[None]:
    """Call `ask` on the first SIGINT or SIGTERM within the block; a second one raises KeyboardInterrupt."""
    asked = False

    def handle(_number: int, _frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True
        ask()

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def after(seconds: float | None, end: Callable[[], None]) -> Iterator[None]:
    """Call `end`, in a thread of its own, if the block lasts longer than so many seconds (None: however long)."""
    if seconds is None:
        yield
        return
    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
