"""Text of strangers for a terminal."""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from nakhon.terminal.plain import plain


@given(st.text())
def test_nothing_that_steers_a_terminal_is_left(text: str) -> None:
    assert not any(unicodedata.category(letter) in ("Cc", "Cf", "Zl", "Zp") for letter in plain(text))


def test_what_is_hidden_is_shown_and_what_is_readable_stays() -> None:
    assert plain("เมือง \u001b[31mred\u202e\n") == "เมือง \\x1b[31mred\\u202e\\n"
    assert plain("x" * 100, 10) == "x" * 9 + "…"
