"""The spool: whatever is torn or flipped on the disk, what comes back are whole messages, in order, and no error."""

import logging
import resource
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.intake import spool as module
from collector.intake.delivery import Delivery
from collector.intake.spool import Spool, SpoolError
from collector.language.errors import InputError

TOPIC = "nakhon/v1/run/chiang-mai/environment/aq-01"
EVERYTHING = (1_000_000, 1 << 40)

deliveries = st.lists(
    st.builds(
        Delivery,
        topic=st.text(max_size=40),
        payload=st.binary(max_size=300),
        received=st.floats(0, 4e9),
        published=st.none() | st.floats(0, 4e9),
        retained=st.booleans(),
    ),
    min_size=1,
    max_size=20,
)


def said(number: int, size: int = 100) -> Delivery:
    return Delivery(TOPIC, number.to_bytes(4, "big") * (size // 4), 1.8e9 + number)


def segments(directory: Path) -> list[Path]:
    return sorted(directory.glob("*.spool"))


def filled(directory: Path, batches: list[list[Delivery]]) -> None:
    spool = Spool(directory)
    for batch in batches:
        spool.append(batch)
    spool.close()


def everything(directory: Path) -> tuple[list[Delivery], Spool]:
    spool = Spool(directory)
    try:
        return spool.take(*EVERYTHING)[0], spool
    finally:
        spool.close()


@given(st.lists(deliveries, max_size=5))
def test_what_was_appended_comes_back_in_order_as_it_was(batches: list[list[Delivery]]) -> None:
    with TemporaryDirectory() as name:
        filled(Path(name), batches)
        back, spool = everything(Path(name))
        assert back == [one for batch in batches for one in batch]
        assert spool.lost == 0


@given(st.lists(deliveries, min_size=1, max_size=4), st.data())
def test_a_spool_torn_at_any_byte_gives_back_the_whole_messages_before_it(
    batches: list[list[Delivery]], data: st.DataObject
) -> None:
    with TemporaryDirectory() as name:
        filled(Path(name), batches)
        (path,) = segments(Path(name))
        told = path.read_bytes()
        path.write_bytes(told[: data.draw(st.integers(0, len(told)), "cut")])
        back, _ = everything(Path(name))
        before = [one for batch in batches for one in batch]
        assert back == before[: len(back)]
        spool = Spool(Path(name))
        spool.append([said(7)])
        spool.close()
        assert everything(Path(name))[0] == [*back, said(7)]


@given(st.lists(deliveries, min_size=1, max_size=4), st.data())
def test_a_flipped_byte_costs_one_message_at_most(batches: list[list[Delivery]], data: st.DataObject) -> None:
    with TemporaryDirectory() as name:
        filled(Path(name), batches)
        (path,) = segments(Path(name))
        told = bytearray(path.read_bytes())
        where = data.draw(st.integers(0, len(told) - 1), "where")
        told[where] ^= data.draw(st.integers(1, 255), "how")
        path.write_bytes(told)
        back, spool = everything(Path(name))
        before = [one for batch in batches for one in batch]
        assert len(back) == len(before) - 1
        missing = next((at for at, one in enumerate(back) if one != before[at]), len(back))
        assert back == before[:missing] + before[missing + 1 :]
        tail = len(module.encode_record(b"12345678", 1, before[-1]))  # the last message: torn, for all that one knows
        assert spool.lost == (where < len(told) - tail)


@given(st.binary(max_size=2000), st.booleans())
def test_any_bytes_at_all_are_no_error(junk: bytes, between: bool) -> None:
    with TemporaryDirectory() as name:
        filled(Path(name), [[said(0)], [said(1)]])
        (path,) = segments(Path(name))
        whole = path.read_bytes()
        half = len(whole) // 2
        path.write_bytes(whole[:half] + junk + whole[half:] if between else junk)
        assert everything(Path(name))[0] == ([said(0), said(1)] if between else [])


@settings(max_examples=50)
@given(st.lists(st.integers(1, 8), min_size=1, max_size=30), st.randoms(use_true_random=False))
def test_taken_and_done_in_any_pace_is_every_message_once_and_leaves_no_files(sizes: list[int], chance) -> None:
    with TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "SEGMENT", 1000)
        spool = Spool(Path(name))
        back: list[Delivery] = []
        number = 0
        for size in sizes:
            spool.append([said(number + n) for n in range(size)])
            number += size
            if chance.random() < 0.7:
                taken, until = spool.take(chance.randint(1, 12), chance.randint(1, 2000))
                back += taken
                spool.done(until)
            assert spool.pending == number - len(back)
        while spool.unread:
            taken, until = spool.take(5, 10_000)
            back += taken
            spool.done(until)
        assert back == [said(n) for n in range(number)]
        assert not segments(Path(name)) and spool.size == 0 and spool.pending == 0
        spool.close()


def test_what_was_taken_and_not_done_comes_again_after_a_restart(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.append([said(n) for n in range(10)])
    spool.take(4, 1 << 20)
    spool.close()
    again = Spool(tmp_path)
    assert again.pending == 10
    assert again.take(*EVERYTHING)[0] == [said(n) for n in range(10)]
    again.close()


def test_what_is_skipped_is_pending_until_it_is_done(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    first = spool.append([said(0), said(1)])
    spool.skip(first)
    spool.append([said(2)])
    assert spool.take(*EVERYTHING) == ([said(2)], 3)
    assert spool.pending == 3
    spool.done(first)
    assert spool.pending == 1
    spool.done(3)
    assert not segments(tmp_path)
    spool.close()


def test_a_damaged_segment_is_said_counted_and_set_aside_and_the_next_ones_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "SEGMENT", 1)
    filled(tmp_path, [[said(n)] for n in range(3)])
    segments(tmp_path)[0].write_bytes(b"gone")
    spool = Spool(tmp_path)
    assert spool.pending == 3
    with caplog.at_level(logging.ERROR):
        taken, until = spool.take(*EVERYTHING)
    assert taken == [said(1), said(2)]
    assert spool.lost == 1
    assert "1 messages" in caplog.text
    spool.done(until)
    assert [path.suffix for path in tmp_path.iterdir() if path.name != "lock"] == [".damaged"]
    spool.close()


def test_a_torn_tail_is_said_with_its_bytes(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    filled(tmp_path, [[said(0), said(1)]])
    (path,) = segments(tmp_path)
    path.write_bytes(path.read_bytes()[:-9])
    with caplog.at_level(logging.WARNING):
        back, _ = everything(tmp_path)
    assert back == [said(0)]
    torn = len(module.encode_record(b"12345678", 2, said(1))) - 9
    assert f"{torn} bytes" in caplog.text


def test_a_full_spool_refuses_and_keeps_what_it_has(tmp_path: Path) -> None:
    spool = Spool(tmp_path, limit=1000)
    spool.append([said(n) for n in range(4)])
    with pytest.raises(SpoolError, match="full"):
        spool.append([said(n) for n in range(4, 10)])
    taken, until = spool.take(*EVERYTHING)
    assert taken == [said(n) for n in range(4)]
    spool.done(until)
    spool.append([said(9)])
    assert spool.take(*EVERYTHING)[0] == [said(9)]
    spool.close()


def test_a_disk_that_refuses_keeps_nothing_of_the_batch_and_is_used_again_when_it_takes(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.append([said(0)])
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, hard))
    try:
        with pytest.raises(SpoolError, match="large"):
            spool.append([said(n, 1000) for n in range(1, 4)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    spool.append([said(5), said(6)])
    spool.close()
    assert everything(tmp_path)[0] == [said(0), said(5), said(6)]


def test_what_a_failed_write_left_behind_does_not_come_back(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.append([said(0)])
    spool._abandon(spool._segments[-1])
    spool.append([said(1)])
    spool.close()
    old = segments(tmp_path)[0]
    mark = bytes.fromhex(old.stem.split("-")[2])
    old.write_bytes(old.read_bytes() + module.encode_record(mark, 2, said(99)))
    back, again = everything(tmp_path)
    assert back == [said(0), said(1)]
    assert again.lost == 0


def test_one_process_uses_a_spool(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    with pytest.raises(InputError, match="another collector"):
        Spool(tmp_path)
    spool.close()
    Spool(tmp_path).close()


def test_a_place_that_cannot_be_a_spool_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot use the spool"):
        Spool(tmp_path / "file")
