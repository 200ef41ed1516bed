"""Experiments in real processes: workers and whole experiments are killed, and the bytes are the same."""

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from experiments import digests, files, made
from parts import free_port, listening, nakhon, wait_for

from collector.language.errors import InputError
from collector.stores.parquet.files import Run
from nakhon.experimenting import dask
from nakhon.experimenting.dask import dask_workers
from nakhon.experimenting.experiment_file import load_experiment
from nakhon.experimenting.run import run_experiment
from nakhon.experimenting.status import states

pytestmark = pytest.mark.system
REPLICATIONS = 10


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What every way of running the experiment must come to, made in this process."""
    folder = tmp_path_factory.mktemp("expected")
    made(files(folder, REPLICATIONS), folder / "out")
    found = digests(folder / "out")
    assert len(found) == len(set(found.values())) == 2 * REPLICATIONS
    return found


def start(folder: Path, *options: str) -> subprocess.Popen[bytes]:
    return nakhon("experiment", "run", "fires.toml", "--into", "out", *options, folder=folder)


def done(folder: Path, count: int) -> None:
    """Wait until some runs are done."""
    wait_for(lambda: len(digests(folder / "out")) >= count, 60, f"{count} runs")


def workers_of(process: subprocess.Popen[bytes]) -> list[int]:
    """The processes that simulate for another."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return [int(child) for child in children if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def log(folder: Path) -> str:
    return (folder / "experiment.log").read_text()


def test_a_killed_worker_is_replaced_and_the_bytes_are_the_same(tmp_path: Path, expected: dict[str, str]) -> None:
    files(tmp_path, REPLICATIONS)
    process = start(tmp_path, "--workers", "1")
    done(tmp_path, 3)
    (victim,) = workers_of(process)
    os.kill(victim, signal.SIGKILL)
    assert process.wait(120) == 0, log(tmp_path)
    assert digests(tmp_path / "out") == expected


def test_an_experiment_that_was_killed_goes_on_where_it_was(tmp_path: Path, expected: dict[str, str]) -> None:
    file, out = files(tmp_path, REPLICATIONS), tmp_path / "out"
    process = start(tmp_path, "--workers", "1")
    done(tmp_path, 2)
    process.send_signal(signal.SIGSTOP)
    with pytest.raises(InputError, match="another `nakhon experiment run` is at work"):
        run_experiment(load_experiment(file), out)
    workers = workers_of(process)
    process.kill()
    process.wait(30)
    wait_for(lambda: not any(map(is_alive, workers)), 30, "the workers to end with their experiment")

    found = Counter(one.status for one in states(out))
    assert found["done"] and found["pending"] and not found["running"]
    finished = [Run(out, one.variant, one.replication).record for one in states(out) if one.status == "done"]
    before = {path: path.stat().st_mtime_ns for path in finished}

    again = start(tmp_path, "--workers", "2")
    assert again.wait(120) == 0, log(tmp_path)
    assert digests(out) == expected
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert f"{len(before)} of {2 * REPLICATIONS} runs are there already" in log(tmp_path)


def test_an_interrupted_experiment_leaves_nothing_half_written_and_no_process(tmp_path: Path) -> None:
    files(tmp_path, REPLICATIONS)
    process = start(tmp_path, "--workers", "1")
    done(tmp_path, 2)
    workers = workers_of(process)
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 130
    assert not any(map(is_alive, workers))
    assert "the same command goes on" in log(tmp_path) and "Traceback" not in log(tmp_path)
    assert not list((tmp_path / "out").rglob("*.part"))


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """A Dask scheduler and two workers, each a process of its own, over TCP."""
    pytest.importorskip("distributed", reason="the optional part dask is not installed")
    port = free_port()
    address, started = f"tcp://127.0.0.1:{port}", []

    def begin(name: str, *options: str) -> None:
        with (tmp_path / f"{name}.txt").open("wb") as file:
            command = [sys.executable, "-m", "distributed.cli." + ("dask_scheduler" if name == "s" else "dask_worker")]
            started.append(subprocess.Popen([*command, *options], cwd=tmp_path, stdout=file, stderr=file))

    begin("s", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard")
    wait_for(lambda: listening(port), 60, "the scheduler to listen")
    for name in ("one", "two"):
        begin(name, address, "--nthreads", "1", "--no-nanny", "--no-dashboard", "--name", name)
    for name in ("one", "two"):
        wait_for(lambda name=name: "Registered to" in (tmp_path / f"{name}.txt").read_text(), 60, f"worker {name}")
    try:
        yield address, started
    finally:
        for process in reversed(started):
            process.kill()
            process.wait(30)


def test_a_cluster_of_which_a_worker_is_killed_gives_the_same_bytes(
    tmp_path: Path, expected: dict[str, str], cluster: tuple[str, list[subprocess.Popen[bytes]]]
) -> None:
    address, (_, worker, last) = cluster
    files(tmp_path, REPLICATIONS)
    process = start(tmp_path, "--dask", address)
    done(tmp_path, 3)
    worker.kill()
    assert process.wait(120) == 0, log(tmp_path)
    assert digests(tmp_path / "out") == expected
    the_last_worker_vanishes(tmp_path, address, last)


def the_last_worker_vanishes(folder: Path, address: str, last: subprocess.Popen[bytes]) -> None:
    """More replications, during which the last worker is killed: that is said, and what is finished is kept."""
    out, more = folder / "out", replace(load_experiment(folder / "fires.toml"), replications=REPLICATIONS + 20)

    def vanish() -> None:
        done(folder, 2 * REPLICATIONS + 1)
        last.kill()

    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(1) as aside:
        patch.setattr(dask, "WITHOUT_WORKERS", 1.0)
        vanished = aside.submit(vanish)
        with pytest.raises(InputError, match="no worker for 1 s"):
            run_experiment(more, out, dask=address)
        vanished.result(60)
    found = Counter(one.status for one in states(out))
    assert found["done"] > 2 * REPLICATIONS and found["pending"] and not found["running"]


def test_a_scheduler_that_is_not_there_is_said(tmp_path: Path) -> None:
    pytest.importorskip("distributed", reason="the optional part dask is not installed")
    with (
        pytest.raises(InputError, match="no Dask scheduler answers"),
        dask_workers(tmp_path, f"tcp://127.0.0.1:{free_port()}"),
    ):
        pass
