"""The commands of the documentation: those marked `sh run` are typed as they stand."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

DOCS = sorted((Path(__file__).parents[1] / "docs").glob("*.md"))
RUNNABLE = {path.name: re.findall(r"```sh run\n(.*?)```", path.read_text("utf-8"), re.DOTALL) for path in DOCS}


def test_the_pages_for_the_users_are_there() -> None:
    assert {"planners.md", "engineers.md", "compare.md", "wire.md"} <= set(RUNNABLE)


@pytest.mark.parametrize("page", [name for name, blocks in RUNNABLE.items() if blocks])
def test_the_commands_of_a_page_work_in_the_order_they_stand(page: str, tmp_path: Path) -> None:
    script = "set -euo pipefail\n" + "\n".join(RUNNABLE[page])
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=tmp_path,
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
