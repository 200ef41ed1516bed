import random

import fuzz

from collector.language.errors import WireError


def test_nothing_but_a_wire_error_comes_of_bad_input_in_bounded_time():
    verdict = fuzz.fuzz(5_000, seed=2026)
    assert verdict.wrong == []
    assert verdict.outcomes.keys() >= {"topic refused", "payload refused", "readings taken", "events taken"}


def test_the_same_seed_gives_the_same_inputs():
    one, two = random.Random(5), random.Random(5)
    assert [fuzz.inputs(one) for _ in range(50)] == [fuzz.inputs(two) for _ in range(50)]


def test_the_fuzzer_finds_what_it_looks_for(monkeypatch):
    monkeypatch.setattr(fuzz, "WireError", type("Other", (Exception,), {}))
    verdict = fuzz.fuzz(200, seed=1)
    assert any(WireError.__name__[4:] in line for line in verdict.wrong)
