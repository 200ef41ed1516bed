"""The plan of an acceptance: every error at once; criteria strictly read; commands bounded; the certificate."""

from __future__ import annotations

import json
import threading
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.auditing.junit import junit
from collector.language.broker import parse_broker
from collector.language.errors import InputError
from collector.language.ledger import Entry, Header, Ledger
from collector.language.topics import Address
from nakhon.accept import certificate, evidence
from nakhon.accept.commands import KEPT, Shell, UnderTest
from nakhon.accept.criteria import MEASURES, Answer, judge, parse_criterion
from nakhon.accept.load import Said
from nakhon.accept.outcome import broker_asked, cases, describe
from nakhon.accept.plan import parse_plan
from nakhon.accept.run import Asked, Course, Taken
from nakhon.accept.watch import Arrivals, Held, Look, Lost, before, held, percentiles
from nakhon.recognising import kind_of
from simulator.publisher import Account

PLAN = """
title = "<b>kill</b>"
[load]
scenario = "demo"
cities = ["chiang-mai"]
duration = "20s"
[consumer]
api = "http://127.0.0.1:8099"
start = "sleep 60"
[[steps]]
name = "kill"
at = "5s"
consumer = "kill"
[criteria]
require = ["lost = 0", 'recovered < 30 s after "kill"']
"""
SHIPPED = sorted((Path(__file__).parents[1] / "scenarios" / "plans").glob("*.toml"))
SHELL = Shell({"PATH": "/usr/bin:/bin"}, ("hush",))


def wrong(text: str) -> str:
    with pytest.raises(InputError) as caught:
        parse_plan(text, "plan.toml")
    return str(caught.value)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_plan_is_a_plan_and_names_no_file_that_must_exist(path: Path) -> None:
    assert kind_of(str(path)) == "plan"
    text = path.read_text("utf-8").replace("telegraf.sink.toml", "heard.jsonl")
    plan = parse_plan(text, path.name)
    assert "required: lost = 0" in describe(plan)
    assert all(command in describe(plan) for command in plan.commands())


def test_every_error_of_a_plan_is_told_at_once_with_its_path_and_what_may_be_meant() -> None:
    told = wrong(
        'titel = "x"\n[load]\nscenario = "dem"\npace = "max"\nduration = "soon"\n[consumer]\nretries = 2\n'
        '[[steps]]\nat = "5s"\nrum = "x"\n[criteria]\nrequire = ["losst = 0", "p99 < 2", "lost < 2 s"]\n'
    )
    for line in (
        "titel: no such key; did you mean title?",
        'load.scenario: dem: no such file; as a shipped scenario: unknown scenario "dem"; did you mean demo?',
        "load.pace: expected realtime or simulated seconds a second",
        "load.duration: expected a time such as",
        "consumer.retries: no such key; expected",
        "steps[0].rum: no such key; did you mean run?",
        "criteria.require[0]: no measure 'losst'; did you mean lost?",
        "criteria.require[1]: p99 is a time: expected a unit",
        "criteria.require[2]: lost is a count: expected a whole number without a unit",
    ):
        assert line in told


def test_what_makes_no_sense_together_is_refused_with_what_to_do() -> None:
    told = wrong(
        '[load]\nduration = "10s"\ncities = ["chiang-mi"]\n[consumer]\nstore = "duckdb://x.duckdb"\nready = "true"\n'
        '[[steps]]\nat = "10s"\nrun = "x"\nfault = { fault = "stuck" }\n[[steps]]\nat = "1s"\nconsumer = "kill"\n'
        '[criteria]\nrequire = ["recovered < 1 s after \\"kil\\"", "p99 < 1 s"]\n'
    )
    for line in (
        "did you mean chiang-mai?",
        "nobody can look into a DuckDB file while the collector has it open",
        "consumer.ready: it is asked after consumer.start, which is missing",
        "a store does not tell when readings came",
        "steps[0]: expected exactly one of run, fault and consumer",
        "steps[0].at: expected before the end of the load (10 s), came 10 s",
        "steps[1].consumer: only a consumer that the plan starts",
        'criteria.require[0]: unknown step "kil"',
    ):
        assert line in told


def test_a_fault_of_a_plan_is_checked_as_one_of_a_scenario() -> None:
    step = 'fault = { fault = "stuck", statoin = "aq-01", for = "soon" }'
    told = wrong(PLAN.replace('consumer = "kill"', step))
    assert 'steps[0].fault.statoin: unknown key "statoin"; did you mean station?' in told
    assert "steps[0].fault.for: expected a duration" in told


def test_a_plan_without_criteria_or_with_two_consumers_is_none() -> None:
    nothing = PLAN.split("[criteria]", maxsplit=1)[0] + "[criteria]\nrequire = []\n"
    assert "expected at least one criterion" in wrong(nothing)
    assert "exactly one of store, api and sink" in wrong(PLAN.replace("[consumer]", '[consumer]\nstore = "x"'))


def test_a_plan_without_a_broker_asks_for_one() -> None:
    plan = parse_plan(PLAN, "plan.toml")
    with pytest.raises(InputError, match="the plan names no broker"):
        broker_asked(plan, None)
    assert broker_asked(plan, "mqtt://there").url == "mqtt://there"


# ---- criteria --------------------------------------------------------------------------------------------


@given(st.sampled_from(sorted(MEASURES)), st.sampled_from(["=", "<", "<=", ">", ">="]), st.integers(0, 10**6))
def test_a_criterion_reads_back_as_it_was_written(name: str, sign: str, limit: int) -> None:
    unit = " s" if MEASURES[name].kind == "time" else ""
    found = parse_criterion(f"  {name}  {sign}{limit}{unit}")
    assert (found.measure, found.sign, found.limit) == (name, sign, limit)


@given(st.text(max_size=40))
def test_any_other_text_is_refused_and_nothing_else_happens(text: str) -> None:
    try:
        found = parse_criterion(text)
    except InputError:
        return
    assert found.measure in MEASURES


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("lost == 0", "expected a measure, one of"),
        ("lost = 0.5", "expected a whole number"),
        ("p99 < 2 seconds", "expected a unit"),
        ('lost = 0 after "kill"', "only recovered is measured after a step"),
        ("lost = injected", "cannot be compared with injected; rejected and missing can"),
    ],
)
def test_a_criterion_that_means_nothing_is_refused(text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        parse_criterion(text)


def test_units_of_time_are_seconds_in_the_end() -> None:
    assert [parse_criterion(f"p99 < {text}").limit for text in ("200ms", "2 s", "1.5 min", "1h")] == [0.2, 2, 90, 3600]


def test_what_was_not_measured_meets_nothing() -> None:
    asked = [parse_criterion(text) for text in ("p99 < 2 s", "lost = 0", "rejected = injected", "recovered < 1 s")]
    found = judge(asked, {"p99": None, "lost": 0.0, "rejected": 3.0, "malformed": 3.0}, {})
    assert [one.answer for one in found] == [Answer.NOT_MEASURED, Answer.MET, Answer.MET, Answer.NOT_MEASURED]


def test_recovery_is_that_of_the_slowest_step_or_of_the_one_named() -> None:
    asked = [parse_criterion(text) for text in ("recovered < 5 s", 'recovered < 5 s after "a"')]
    slow, named = judge(asked, {}, {"a": 1.0, "b": 9.0})
    assert (slow.met, slow.measured, named.met) == (False, "9 s (b)", True)
    never, _ = judge(asked, {}, {"a": 1.0, "b": None})
    assert (never.measured, never.why) == ("never", "not everything said before the end of 'b' came")


# ---- commands --------------------------------------------------------------------------------------------


def test_a_command_tells_its_exit_code_and_what_it_said_without_secrets() -> None:
    done = SHELL.run("echo say hush; echo trouble >&2; exit 3", 10)
    assert (done.exit, done.said) == (3, "say ***\ntrouble\n")


def test_a_command_that_hangs_is_stopped_with_all_that_it_started() -> None:
    done = SHELL.run("sleep 60 & echo $!; wait", 0.3)
    assert done.exit is None
    assert (
        not Path(f"/proc/{done.said.strip()}/cmdline").exists()
        or not Path(f"/proc/{done.said.strip()}/cmdline").read_bytes()
    )
    assert done.seconds < 10


def test_what_a_command_says_is_bounded() -> None:
    done = SHELL.run("head -c 3000000 /dev/zero | tr '\\0' x; echo end", 20)
    assert done.exit == 0
    assert len(done.said) <= KEPT
    assert done.said.endswith("xend\n")


def test_a_step_may_wait_until_a_command_succeeds(tmp_path: Path) -> None:
    shell = Shell({"PATH": "/usr/bin:/bin", "COUNT": str(tmp_path / "count")})
    tried = "echo x >> $COUNT; test $(wc -l < $COUNT) -ge 3"
    assert shell.until(tried, 20, threading.Event()).exit == 0
    assert (tmp_path / "count").read_text() == "x\n" * 3
    assert shell.until("exit 4", 0.2, threading.Event()).exit == 4


def test_a_consumer_is_started_killed_and_started_again() -> None:
    over = threading.Event()
    tested = UnderTest(SHELL, "echo up; exec sleep 60", "true", 5)
    assert [tested.act(what, over).exit for what in ("kill", "start", "start", "kill", "start")] == [1, 0, 1, 0, 0]
    tested.close()
    assert tested.said[-1] == "up\n"


def test_a_consumer_that_ends_at_once_is_not_ready_and_tells_why() -> None:
    done = UnderTest(SHELL, "echo no such port; exit 7", "sleep 1", 5).act("start", threading.Event())
    assert done.exit == 7
    assert "no such port" in done.said


# ---- what came of it -------------------------------------------------------------------------------------


def entry(seq: int, at: float) -> Entry:
    moment = "2026-03-01T00:00:00Z"
    return Entry(Address("run", "chiang-mai", "environment", "aq-01"), seq, 1, moment, moment, seq, None, at)


LEDGER = Ledger(Header("run", "9f3c", "simulated"), [entry(seq, 100 + seq) for seq in range(10)], True, False)


def course(asked: Asked, lost: int = 3) -> Course:
    gap = Lost("chiang-mai/environment/aq-01", 4, 6, "2026-03-01T01:00:00Z", "2026-03-01T01:45:00Z", 3, "unexplained")
    told = Held("messages", {"lost": lost, "published": 10}, [gap] if lost else [], [], {"accounted_for": not lost})
    done = Taken("kill", "consumer: kill", 5, 5.0, 5.1, 0, "<script>alert(1)</script>")
    found = Course("run", "9f3c", "abc", 100.0, Said(10, 10, 10.0, 0, 0.01, Account()), [done])
    found.looks, found.recovered = [Look(101.0, 0), Look(106.0, 3), Look(107.0, None)], {"kill": 2.0}
    found.held, found.measures, found.ledger = told, dict(told.measures), LEDGER
    found.judged = judge(asked.plan.criteria.require, found.measures, found.recovered)
    return found


@pytest.fixture
def asked(tmp_path: Path) -> Asked:
    (tmp_path / "run.ledger").write_text("evidence")
    return Asked(parse_plan(PLAN, "p"), "00ff", parse_broker("mqtt://localhost"), tmp_path, SHELL, "run")


def test_the_certificate_names_the_loss_by_the_time_of_the_load_and_hashes_the_evidence(asked: Asked) -> None:
    found = course(asked)
    assert found.verdict == "NOT ACCEPTED"
    for told in (certificate.text(asked, found), certificate.certificate(asked, found)):
        assert "NOT ACCEPTED" in told
        assert "Of what was said from 4 s to 7 s, something of 3 of 3 messages is lost." in told
        assert "e5155a1acb94b1ad" not in told
        assert evidence.digest(asked.folder / "run.ledger") in told
        assert "What was not tested" in told


def test_nothing_from_outside_is_markup_in_the_certificate(asked: Asked) -> None:
    told = certificate.certificate(asked, course(asked))
    assert "<script>alert" not in told
    assert "<b>kill</b>" not in told


def test_a_course_is_accepted_only_whole_with_every_step_and_every_criterion(asked: Asked) -> None:
    assert course(asked, lost=0).verdict == "ACCEPTED"
    ended = replace(course(asked, lost=0), interrupted=True)
    assert (ended.verdict, ended.accepted) == ("INCOMPLETE", False)
    assert "INCOMPLETE" in certificate.certificate(asked, ended)
    failed = replace(course(asked, lost=0), trouble=["the step 'kill' failed"])
    assert failed.verdict == "NOT ACCEPTED"
    assert "the step &#x27;kill&#x27; failed" in certificate.certificate(asked, failed)


def test_a_course_that_never_began_has_a_certificate_too(asked: Asked) -> None:
    told = certificate.certificate(asked, Course("run", "9f3c", "abc", interrupted=True))
    assert "INCOMPLETE" in told
    assert "Nothing was judged" in told


def test_the_verdict_is_plain_data_and_a_build_server_reads_each_criterion(asked: Asked) -> None:
    told = json.loads(json.dumps(evidence.told(asked, course(asked))))
    assert (told["accepted"], [one["met"] for one in told["criteria"]]) == (False, [False, True])
    root = ET.fromstring(junit("accept", cases(course(asked))))
    assert [one.get("name") for one in root.iter("testcase")][-1] == "the plan was carried out"
    assert len(list(root.iter("failure"))) == 1


def test_only_what_was_said_until_a_moment_is_asked_for() -> None:
    assert [one.seq for one in before(LEDGER, 103.5).entries] == [0, 1, 2, 3]


def test_a_consumer_that_has_written_nothing_yet_has_lost_everything(tmp_path: Path) -> None:
    (tmp_path / "heard.jsonl").touch()
    found = held(LEDGER, str(tmp_path / "heard.jsonl"), is_sink=True)
    assert (found.measures["lost"], found.measures["published"]) == (10, 10)


def test_latency_counts_from_when_a_message_was_said_to_when_it_was_first_seen() -> None:
    seen = Arrivals("http://x", {("chiang-mai", "aq-01"): {seq: 100.5 + seq for seq in range(9)}})
    assert seen.latencies(LEDGER, 102.0) == [0.5] * 7
    assert percentiles([0.5] * 99 + [7.0]) == {"p50": 0.5, "p95": 0.5, "p99": 0.5}
