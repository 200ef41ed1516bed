"""The wheel: built, installed elsewhere, and run there, with all its data."""

import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.system

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT, check=True, capture_output=True,
    )  # fmt: skip
    (built,) = folder.glob("nakhon-*.whl")
    return built


def test_the_wheel_holds_the_programs_and_their_data_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert {"nakhon", "simulator", "collector", "scenarios"} == {top for top in tops if not top.endswith(".dist-info")}
    for wanted in (
        "scenarios/demo.toml", "scenarios/cities/thailand.toml", "scenarios/parameters/climates.toml",
        "scenarios/recordings/singapore-2018.csv", "collector/language/indicators.toml",
        "collector/language/schemas/tick.json", "collector/serving/web/index.html", "collector/reporting/report.css",
    ):  # fmt: skip
        assert wanted in names


def test_installed_elsewhere_the_command_runs(wheel: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    venv.create(home, with_pip=False, system_site_packages=False)
    # The dependencies are those of this environment; the wheel itself is installed for real.
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "--python",
            home / "bin" / "python",
            "install",
            "--no-deps",
            "--no-index",
            "--quiet",
            wheel,
        ],
        check=True,
    )
    site = next(home.glob("lib/python*/site-packages"))
    ours = next(Path(path) for path in sys.path if path.endswith("site-packages"))
    (site / "dependencies.pth").write_text(f"{ours}\n")
    told = subprocess.run(
        [home / "bin" / "nakhon", "simulate", "demo", "--broker", "none", "--store", "duckdb://city.duckdb",
         "--pack", "96"],
        cwd=tmp_path, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert told.returncode == 0, told.stderr
    where = subprocess.run(
        [home / "bin" / "python", "-c", "import simulator; print(simulator.__file__)"],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert str(home) in where.stdout
