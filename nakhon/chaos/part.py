"""A process that is started, killed, frozen and started again."""

from __future__ import annotations

import resource
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from collector.language.errors import InputError

REFUSED = 1  # byte: the size beyond which a process may write no file


class Part:
    """A process of the suite; what it says goes to a file that only we write, so it may itself be refused to write."""

    def __init__(self, command: Sequence[str], folder: Path, name: str, port: int = 0) -> None:
        self.name = name
        self.port = port
        self.log = folder / f"{name}.log"
        self._command = command
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._listener: threading.Thread | None = None

    def start(self) -> None:
        """Start it anew."""
        self._process = subprocess.Popen(  # noqa: S603 - commands of our own
            self._command, cwd=self._folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
        )
        self._listener = threading.Thread(target=self._keep, args=[self._process], daemon=True)
        self._listener.start()

    def wait_for(self, ready: Callable[[], object], seconds: float) -> None:
        """Return when it is ready. Raises `InputError` with its last words if it ends, or is not ready in time."""
        deadline = time.monotonic() + seconds
        while not ready():
            if not self.alive:
                raise InputError(f"the {self.name} ended at its start: {self.last_words()}")
            if time.monotonic() > deadline:
                raise InputError(f"waited {seconds:g} s for the {self.name}, which said last: {self.last_words()}")
            time.sleep(0.05)

    def last_words(self) -> str:
        """The last line it has said, and where the others are."""
        if self._listener is not None and not self.alive:
            self._listener.join(5)
        lines = self.log.read_text(errors="replace").split("\n") if self.log.exists() else []
        return f"{next((line for line in reversed(lines) if line.strip()), 'nothing')} (see {self.log})"

    def send(self, number: signal.Signals) -> None:
        """Send it a signal, if it lives."""
        if self.alive and self._process is not None:
            self._process.send_signal(number)

    def end(self, number: signal.Signals = signal.SIGTERM, timeout: float = 60.0) -> int | None:
        """End it by a signal; its exit code. One that does not end in time is killed."""
        if self._process is None:
            return None
        self.send(signal.SIGCONT)
        self.send(number)
        try:
            return self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()

    def refuse(self, *, on: bool) -> None:
        """Let it write no file any longer, as if its disk were full; or let it write again."""
        if self.alive and self._process is not None:
            limit = REFUSED if on else resource.RLIM_INFINITY
            resource.prlimit(self._process.pid, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))

    @property
    def process(self) -> int:
        """The id of its process, 0 before the first start."""
        return 0 if self._process is None else self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.poll() is None

    def said(self, what: str) -> int:
        """How often it has said something, over all its lives."""
        return self.log.read_text(errors="replace").count(what) if self.log.exists() else 0

    def _keep(self, process: subprocess.Popen[bytes]) -> None:
        if process.stdout is not None:
            with self.log.open("ab", buffering=0) as file, process.stdout as lines:
                for line in lines:
                    file.write(line)


def free_port() -> int:
    """A port on loopback that nobody has."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def listening(port: int) -> bool:
    """Whether something accepts connections on a port of loopback."""
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0
