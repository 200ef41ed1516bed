"""Commands under way: each a process of its own, forked off one that has imported what those before it needed.

It can be killed and has its own files, as if it had been started; it only spends no seconds on importing.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import runpy
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import traceback
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO, NoReturn, Self

ROOT = Path(__file__).parents[1]
ROOMS = ("nakhon.", "collector.", "simulator.")
COMMON = ("nakhon.collect", "nakhon.commands", "nakhon.plays", "nakhon.auditing", "collector.stores.duckdb.store")
"""What most commands need; whatever else a command has imported when it ends is there for the next ones."""


class Running:
    """A command under way, with what a test asks of a `subprocess.Popen`."""

    def __init__(self, arguments: tuple[str, ...], pid: int, ended: int) -> None:
        self.args, self.pid = arguments, pid
        self.returncode: int | None = None
        self.stdout: BinaryIO | None = None
        self._ended = ended

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.stdout is not None:
            self.stdout.close()
        self.wait()

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code, or the negative number of the signal that ended it."""
        if self.returncode is None:
            if not select.select([self._ended], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(self.args, timeout or 0.0)
            self.returncode = int(os.read(self._ended, 16))
            os.close(self._ended)
        return self.returncode

    def poll(self) -> int | None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)


def program(code: str, *arguments: str, **environment: str) -> Running:
    """A program in Python under way beside the project, with arguments; what it prints is in its `stdout`."""
    said, out = os.pipe()
    one = started(arguments, ROOT, os.environ | environment, out, 2, code)
    os.close(out)
    one.stdout = os.fdopen(said, "rb")
    return one


def started(
    arguments: tuple[str, ...], folder: Path, environment: dict[str, str], out: int, err: int, code: str = ""
) -> Running:
    """A command (or a program) under way in a folder, which writes to two files that are open here."""
    ended, told = os.pipe()
    asked: dict[str, Any] = {"arguments": arguments, "folder": str(folder), "environment": environment, "code": code}
    asked |= {name: f"/proc/{os.getpid()}/fd/{file}" for name, file in (("out", out), ("err", err), ("told", told))}
    server = _server()
    assert server.stdin is not None
    assert server.stdout is not None
    server.stdin.write(json.dumps(asked) + "\n")
    server.stdin.flush()
    pid = int(server.stdout.readline())
    os.close(told)
    return Running(arguments, pid, ended)


@cache
def _server() -> subprocess.Popen[str]:
    command = [sys.executable, "-W", "ignore::DeprecationWarning", __file__]
    around = {name: value for name, value in os.environ.items() if name != "COLUMNS"}  # each has a width of its own
    server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=around)
    atexit.register(server.communicate)
    return server


def _serve() -> None:
    """Fork a keeper for each command that is asked for; it forks the command, tells its number, and how it ended."""
    from nakhon.cli import starting

    starting.leave_out_pandas()
    for name in ("nakhon.cli", *COMMON):
        import_module(name)
    learned = Path(tempfile.mkdtemp(prefix="nakhon-learned-"))
    for line in sys.stdin:
        for one in learned.glob("*.json"):
            for name in json.loads(one.read_text()):
                import_module(name)
            one.unlink()
        if os.fork() == 0:
            _keep(json.loads(line), learned)
        _bury()
    _bury()
    shutil.rmtree(learned, ignore_errors=True)


def _bury() -> None:
    """Forget the keepers that have ended."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _keep(asked: dict[str, Any], learned: Path) -> None:
    out, err, told = (os.open(asked[name], os.O_WRONLY | os.O_APPEND) for name in ("out", "err", "told"))
    if (command := os.fork()) == 0:
        os.close(told)
        _become(asked, out, err)
        _run(asked["code"], learned)
    print(command, flush=True)
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nothing, number)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _, status = os.waitpid(command, 0)
    os.write(told, str(os.waitstatus_to_exitcode(status)).encode())
    os._exit(0)


def _become(asked: dict[str, Any], out: int, err: int) -> None:
    for number, file in ((0, os.open(os.devnull, os.O_RDONLY)), (1, out), (2, err)):
        os.dup2(file, number)
        os.close(file)
    os.environ.clear()
    os.environ.update(asked["environment"])
    os.chdir(asked["folder"])
    sys.argv = ["nakhon", *asked["arguments"]]


def _run(program: str, learned: Path) -> NoReturn:
    """Run the command to its end, but not the destructors of libraries: they look for threads of before the fork."""
    code = 1
    try:
        if program:
            exec(program, {"__name__": "__main__"})
            code = 0
        else:
            runpy.run_module("nakhon", run_name="__main__", alter_sys=True)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 - as the interpreter does
        traceback.print_exc()
    threading._shutdown()
    atexit._run_exitfuncs()
    _tell(learned)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _tell(learned: Path) -> None:
    names = [name for name in sys.modules if name.startswith(ROOMS) and not name.endswith("__main__")]
    young = learned / str(os.getpid())
    with contextlib.suppress(OSError):  # the tests are over
        young.write_text(json.dumps(names))
        young.rename(young.with_suffix(".json"))


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    _serve()
