"""What kind of file a user wrote."""

from __future__ import annotations

from pathlib import Path

import pytest

from nakhon.recognising import LARGEST_FILE, kind_of


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (b"title = 'x'\n[ criteria ]\n", "plan"),
        (b"  [sink]\ncolumns = 1", "sink"),
        (b"[[device]]\ntopic = 'x'", "mapping"),
        (b"name = 'haze'\n[cities]\n", ""),
        (b"# [sink]", ""),
        (b"[sink]\n\xff", ""),
        (b"[sink]" + b" " * LARGEST_FILE, ""),
    ],
)
def test_a_file_is_known_by_its_own_table(tmp_path: Path, text: bytes, kind: str) -> None:
    (tmp_path / "any.toml").write_bytes(text)
    assert kind_of(str(tmp_path / "any.toml")) == kind


def test_what_is_no_file_is_no_kind(tmp_path: Path) -> None:
    assert kind_of(str(tmp_path)) == kind_of(str(tmp_path / "none.toml")) == ""
