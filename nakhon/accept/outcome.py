"""An acceptance from its file to its folder of evidence: certificate, verdict, JUnit, ledger."""

from __future__ import annotations

import json
from pathlib import Path

from rich.console import Console

from collector.auditing.junit import Case, junit
from collector.language.broker import Broker
from collector.language.errors import InputError
from nakhon.accept import certificate, evidence
from nakhon.accept.commands import Shell
from nakhon.accept.plan import Plan, Target, load_plan
from nakhon.accept.run import Asked, Course, accept
from nakhon.naming import run_name

FOLDER = Path("output/accept")


def prepare(path: Path) -> tuple[Plan, str]:
    """The plan in a file with the hash of the file. Raises `InputError` with everything that is wrong."""
    return load_plan(path)


def perform(
    plan: Plan, digest: str, broker: Broker, shell: Shell, run: str | None, out: Path | None, console: Console
) -> tuple[Course, Path]:
    """Carry out a plan and write down what came of it; the course, and the folder of the evidence."""
    name = run_name(run, plan.load.wanted().name)
    folder = FOLDER / name if out is None else out
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise InputError(f"{folder} is not empty: name another folder with --out")
    except OSError as error:
        raise InputError(f"cannot write into {folder}: {error.strerror}") from None
    asked = Asked(plan, digest, broker, folder, shell, name)
    course = accept(asked, console)
    _write(asked, course)
    return course, folder


def _write(asked: Asked, course: Course) -> None:
    folder = asked.folder
    told = evidence.told(asked, course)
    (folder / "verdict.json").write_text(json.dumps(told, indent=1, ensure_ascii=False), "utf-8")
    (folder / "junit.xml").write_text(junit(f"accept {course.run}", cases(course)), "utf-8")
    (folder / "certificate.txt").write_text(certificate.text(asked, course), "utf-8")
    (folder / "certificate.html").write_text(certificate.certificate(asked, course), "utf-8")


def cases(course: Course) -> list[Case]:
    """A case for each criterion, and one for the plan as a whole."""
    judged = [Case(one.criterion, "" if one.met else f"{one.answer}: {one.why}", one.measured) for one in course.judged]
    trouble = list(course.trouble) if course.complete else ["the plan was not carried out to its end", *course.trouble]
    return [*judged, Case("the plan was carried out", "\n".join(trouble))]


def broker_asked(plan: Plan, url: str | None) -> Target:
    """The broker of the plan, or another one. Raises `InputError` where there is none."""
    if url is not None:
        return Target(url=url) if plan.broker is None else plan.broker.model_copy(update={"url": url})
    if plan.broker is None:
        raise InputError("the plan names no broker: give --broker mqtt://HOST:1883, or write [broker] url = ...")
    return plan.broker


def describe(plan: Plan) -> str:
    """What a plan asks for, in words."""
    load, consumer = plan.load, plan.consumer
    said = f"{load.scenario} at pace {load.pace:g} for {load.duration:g} s, QoS {load.qos}, format {load.format}"
    lines = [
        f"{plan.title or 'a plan of acceptance'}: {said}; the consumer is asked at {consumer.source}",
        *(f"at {one.at:g} s: {one.title}" for one in plan.steps),
        *(f"required: {one.text}" for one in plan.criteria.require),
        *(f"runs: {command}" for command in plan.commands()),
    ]
    return "\n".join(lines)
