"""Who may import whom: the folder tree shows the architecture, and this holds it to it."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
PURE = (
    "simulator/environment.py",
    "simulator/economy.py",
    "simulator/governance.py",
    "collector/answers/",
    "collector/comparing/compare.py",
    "collector/comparing/difference.py",
    "collector/comparing/comparison.py",
    "collector/comparing/indices.py",
    "collector/comparing/index_rows.py",
    "collector/comparing/air_index.py",
    "collector/comparing/city_indices.py",
    "collector/league/composite.py",
    "collector/league/league.py",
    "collector/league/moves.py",
    "collector/alerts/rules.py",
    "collector/alerts/notices.py",
    "collector/alerts/board.py",
    "collector/comparing/days.py",
    "collector/comparing/exceedance.py",
    "collector/comparing/lag.py",
    "collector/comparing/profiles.py",
    "collector/comparing/scaling.py",
    "collector/comparing/standing.py",
    "collector/comparing/trend.py",
    "collector/comparing/coverage.py",
    "collector/quality/",
)
HOMES = {
    "simpy": ("simulator/city.py", "simulator/crews.py"),
    "paho": (
        "collector/language/connection.py",
        "collector/language/client.py",
        "collector/language/obstacles.py",
        "collector/intake/subscriber.py",
        "simulator/publisher.py",
        "nakhon/captures/recording.py",
    ),
    "duckdb": ("collector/stores/duckdb/", "collector/stores/ducklake/", "collector/sinks/sql.py"),
    "sqlite3": ("collector/sinks/sql.py",),
    "influxdb_client": ("collector/stores/influx/connection.py",),
    "urllib3": ("collector/stores/influx/connection.py",),
    "starlette": (
        "collector/serving/api.py",
        "collector/serving/serve.py",
        "collector/serving/guard.py",
        "collector/serving/login.py",
        "collector/serving/keeping_routes.py",
        "collector/serving/alert_routes.py",
        "collector/serving/league_routes.py",
        "collector/serving/analysis_routes.py",
        "collector/serving/answers.py",
        "collector/serving/problems.py",
        "collector/serving/dashboard_routes.py",
        "collector/serving/page_files.py",
    ),
    "uvicorn": ("collector/serving/serve.py",),
    "sse_starlette": ("collector/serving/api.py",),
    "cbor2": ("simulator/formats/senml_cbor.py",),
    "iotcore": ("nakhon/embedded_broker.py",),
    "typer": ("nakhon/cli/",),
    "prometheus_client": ("collector/serving/metrics.py",),
    "SALib": ("collector/answers/sensitivity.py",),
    "distributed": ("nakhon/experimenting/dask.py",),
    "openpyxl": (
        "collector/reporting/export.py",
        "collector/reporting/coverage.py",
        "nakhon/importing/",
        "nakhon/reporting/xlsx.py",
    ),
    "docx": ("nakhon/reporting/docx.py", "nakhon/reporting/report.py"),
    "plotly": (
        "collector/reporting/charts.py",
        "collector/reporting/pictures.py",
        "collector/analysis/",
        "collector/reporting/page.py",
        "collector/serving/api.py",
        "nakhon/validating/validation_report.py",
        "nakhon/accept/timeline.py",
        "nakhon/documents/notebook.py",
        "nakhon/reporting/",
    ),
    "nbclient": ("nakhon/documents/notebook.py",),
    "nbformat": ("nakhon/documents/notebook.py",),
}
IMPURE = {"simpy", "paho", "duckdb", "os", "pathlib", "socket", "time", "random", "threading", "subprocess"}


@cache
def sources() -> tuple[tuple[str, set[str]], ...]:
    """Every module of the product, and what it imports."""
    paths = (path for package in ("collector", "simulator", "nakhon") for path in (ROOT / package).rglob("*.py"))
    return tuple((path.relative_to(ROOT).as_posix(), set(imported(path.read_text("utf-8")))) for path in paths)


def imported(text: str) -> Iterator[str]:
    """What a module imports, wherever it does."""
    statements = [ast.parse(text)] if "import" in text else []
    while statements:
        node = statements.pop()
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.module:
                yield node.module
        else:  # no statement is within an expression
            statements += [one for one in ast.iter_child_nodes(node) if not isinstance(one, ast.expr)]


def within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def test_the_simulator_takes_only_the_language_from_the_collector() -> None:
    wrong = [
        (path, name)
        for path, names in sources()
        if path.startswith("simulator/")
        for name in names
        if within(name, "nakhon") or (within(name, "collector") and not within(name, "collector.language"))
    ]
    assert not wrong


def test_the_collector_never_sees_the_simulator_and_the_language_nothing_but_itself() -> None:
    for path, names in sources():
        if path.startswith("collector/"):
            assert not any(within(name, "simulator") or within(name, "nakhon") for name in names), path
        if path.startswith("collector/language/"):
            ours = {name for name in names if within(name, "collector")}
            assert all(within(name, "collector.language") for name in ours), path


def test_every_dependency_has_one_home() -> None:
    wrong = [
        (path, package)
        for path, names in sources()
        for package, homes in HOMES.items()
        if any(within(name, package) for name in names) and not path.startswith(homes)
    ]
    assert not wrong


def test_models_and_comparison_are_pure() -> None:
    found = {path: names for path, names in sources() if path.startswith(PURE)}
    assert all(any(path.startswith(place) for path in found) for place in PURE)
    wrong = [(path, name) for path, names in found.items() for name in names if name.split(".")[0] in IMPURE]
    assert not wrong


def test_arguments_and_environment_are_read_in_one_place() -> None:
    for path in (ROOT / package for package in ("collector", "simulator", "nakhon")):
        for module in path.rglob("*.py"):
            if module.parent == ROOT / "nakhon" / "cli":
                continue
            text = module.read_text("utf-8")
            assert "os.environ" not in text, module
            assert "sys.argv" not in text, module


def loaded(modules: str, heavy: set[str]) -> list[str]:
    """What importing some modules loads of what is heavy."""
    code = f"import sys, {modules}; print(*{heavy!r}.intersection(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True)
    return sorted(done.stdout.split())


def test_the_command_line_starts_without_what_computes() -> None:
    heavy = {"duckdb", "numpy", "paho", "plotly", "pyarrow", "pydantic", "scipy", "simpy", "starlette"}
    assert loaded("nakhon.cli", heavy) == []


def test_commands_start_without_what_only_some_of_their_options_need() -> None:
    commands = "nakhon.collect, nakhon.commands, nakhon.plays, nakhon.auditing, nakhon.compare"
    assert loaded(commands, {"influxdb_client", "openpyxl", "pandas", "scipy.signal", "scipy.stats"}) == []
