import json
import logging
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nakhon.terminal.logs import BURST, HIDDEN, KINDS, PERIOD, Json, Repeats, Text


def record(text, *values, level=logging.INFO, **extra):
    made = logging.makeLogRecord({"name": "nakhon", "levelno": level, "levelname": logging.getLevelName(level)})
    made.msg, made.args = text, values
    vars(made).update(extra)
    return made


def test_a_line_is_one_json_object_with_time_level_event_and_fields():
    line = Json().format(record("the store refuses: %s", "disk\nfull", level=logging.ERROR, waiting=7))
    assert "\n" not in line
    told = json.loads(line)
    assert told["time"].endswith("Z")
    assert told | {"time": ""} == {
        "time": "", "level": "error", "logger": "nakhon", "event": "the store refuses: …",
        "text": "the store refuses: disk\nfull", "waiting": 7,
    }  # fmt: skip


def test_an_exception_is_within_the_line():
    try:
        int("broken")
    except ValueError:
        failed = record("failed", exc_info=sys.exc_info())
    assert "ValueError: invalid literal" in json.loads(Json().format(failed))["exception"]


@pytest.mark.parametrize("form", [Json, Text])
@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=12, max_size=40))
def test_no_secret_is_shown_whatever_is_logged(form, secret):
    line = form([secret]).format(record("refused: %s", f"<{secret}>"))
    assert f"<{HIDDEN}>" in line


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_what_comes_from_outside_cannot_begin_a_line_or_turn_one(text):
    line = Text().format(record("refused: %s", text))
    assert line.isprintable()
    assert len(line.splitlines()) == 1


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def test_a_refusal_every_second_for_an_hour_is_a_few_lines_a_minute_and_says_how_many_were_left_out():
    clock = Clock()
    repeats = Repeats(clock)
    shown = []
    for second in range(3600):
        clock.now = float(second)
        one = record("the store refuses: %s", f"attempt {second}")
        if repeats.filter(one):
            shown.append(getattr(one, "left_out", 0))
    assert len(shown) == BURST * 3600 / PERIOD
    assert sum(shown) + len(shown) == 3600 - (PERIOD - BURST)  # those of the last minute are not told yet
    assert "(55 more like this)" in Text().format(record("x", left_out=55))


def test_other_words_and_levels_are_other_kinds_and_what_is_remembered_is_bounded():
    repeats = Repeats(Clock())
    assert all(repeats.filter(record("one %s", n)) for n in range(BURST))
    assert not repeats.filter(record("one %s", 9))
    assert repeats.filter(record("one %s", 9, level=logging.ERROR))
    assert all(repeats.filter(record(f"kind {n}")) for n in range(2 * KINDS))
    assert len(repeats._kinds) <= KINDS


def test_set_up_logs_to_standard_error_as_it_was_asked():
    code = (
        "import logging; from nakhon.terminal import logs; logs.set_up('json', 'warning', ['correct horse']);"
        "logging.getLogger('a').info('not shown'); logging.getLogger('a').warning('with %s', 'correct horse')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == ""
    assert json.loads(done.stderr)["text"] == f"with {HIDDEN}"
