"""Positions: a set of numbers kept as ranges, and the fate of a message that comes."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from collector.intake.positions import REMEMBERED, Positions, Ranges
from collector.stores.protocol import Fate, Position, Stream

STREAM = Stream("run", "chiang-mai", "aq-01", "9f3c")


@given(st.lists(st.integers(0, 60)))
def test_ranges_are_a_set_of_numbers_in_ascending_ranges_that_do_not_touch(numbers: list[int]) -> None:
    ranges = Ranges()
    for number in numbers:
        if number not in ranges:
            ranges.add(number)
    assert [n for n in range(70) if n in ranges] == sorted(set(numbers))
    assert ranges.count == len(set(numbers))
    pairs = ranges.pairs()
    assert all(first <= last for first, last in pairs)
    assert all(one[1] + 1 < two[0] for one, two in pairwise(pairs))
    assert Ranges(pairs).pairs() == pairs


def test_a_number_seen_again_is_a_duplicate_with_the_same_bytes_and_a_conflict_with_others() -> None:
    positions = Positions()
    assert positions.fate(STREAM, 0, 111) is Fate.STORED
    positions.add(STREAM, 0, 111)
    assert positions.fate(STREAM, 0, 111) is Fate.DUPLICATE
    assert positions.fate(STREAM, 0, 222) is Fate.CONFLICT
    assert positions.fate(STREAM, 1, 222) is Fate.STORED


def test_positions_go_on_from_what_a_store_holds() -> None:
    positions = Positions([Position(STREAM, ((0, 4), (6, 9)), {9: 333})])
    assert positions.fate(STREAM, 5, 1) is Fate.STORED
    assert positions.fate(STREAM, 3, 1) is Fate.DUPLICATE  # too old for its bytes to be remembered
    assert positions.fate(STREAM, 9, 1) is Fate.CONFLICT
    assert positions.held("run", "9f3c") == 9


def test_digests_of_old_messages_are_forgotten_so_that_memory_stays_bounded() -> None:
    positions = Positions()
    for seq in range(REMEMBERED + 1):
        positions.add(STREAM, seq, seq)
    assert positions.fate(STREAM, 0, 999) is Fate.DUPLICATE
    assert positions.fate(STREAM, 1, 999) is Fate.CONFLICT


@given(st.lists(st.tuples(st.integers(0, 3 * REMEMBERED), st.integers(0, 2)), max_size=60), st.booleans())
def test_the_newest_thousand_numbers_are_told_from_others_with_the_same_number(
    said: list[tuple[int, int]], restarted: bool
) -> None:
    positions, known = Positions(), dict[int, int]()
    for seq, digest in said:
        newest = max(known, default=-1)
        expected = Fate.STORED
        if seq in known:
            remembered = seq > newest - REMEMBERED
            expected = Fate.CONFLICT if remembered and known[seq] != digest else Fate.DUPLICATE
        assert positions.fate(STREAM, seq, digest) is expected
        if expected is Fate.STORED:
            positions.add(STREAM, seq, digest)
            known[seq] = digest
        if restarted:
            recent = dict(sorted(known.items())[-REMEMBERED:])
            positions = Positions([Position(STREAM, tuple((n, n) for n in sorted(known)), recent)])


def test_of_sessions_that_others_store_too_only_what_was_added_here_is_held() -> None:
    positions = Positions([Position(STREAM, ((0, 4),), {})], shared=True)
    assert positions.held("run", "9f3c") == 0
    assert positions.fate(STREAM, 4, 1) is Fate.DUPLICATE
    positions.add(STREAM, 5, 1)
    assert positions.held("run", "9f3c") == 1
