"""What lets a command start quickly."""

from __future__ import annotations

import sys


class _WithoutPandas:
    """No command uses pandas, but pyarrow imports it where it finds it, which takes longer than many a command."""

    @staticmethod
    def find_spec(name: str, *_: object) -> None:
        if name == "pandas":
            raise ModuleNotFoundError("No module named 'pandas': commands do without", name=name)


def leave_out_pandas() -> None:
    """Let this process import no pandas, as where the extra `notebook` is not installed; notebooks have their own."""
    sys.meta_path.insert(0, _WithoutPandas)
