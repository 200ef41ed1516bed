"""The broker as `deploy/mosquitto` sets it up: who gets in, and that each role can do what it must and nothing else."""

from __future__ import annotations

import json
import re
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from parts import free_port, listening, nakhon, need, wait_for
from processes import Running

pytestmark = pytest.mark.system

DEPLOYED = Path(__file__).parents[2] / "deploy" / "mosquitto"
ROLES = ("collector", "city-chiang-mai", "city-rayong", "simulator", "viewer", "operator")
PASSWORD = "correct horse battery staple"
BORN = '{"online":true,"session":"one"}'
RUN = "nakhon/v1/haze-1"
TOPICS = {
    "status of Chiang Mai": f"{RUN}/chiang-mai/status",
    "readings of Chiang Mai": f"{RUN}/chiang-mai/environment/mast-1",
    "events of Chiang Mai": f"{RUN}/chiang-mai/governance/desk/events",
    "readings of Rayong": f"{RUN}/rayong/environment/mast-1",
    "committed": f"{RUN}/committed",
    "control": f"{RUN}/control",
    "replies": f"{RUN}/control/replies",
    "elsewhere": "somebody/else",
    "above": "nakhon/v1/haze-1",
}
CHIANG_MAI = {"status of Chiang Mai", "readings of Chiang Mai", "events of Chiang Mai"}
CITIES = CHIANG_MAI | {"readings of Rayong"}
MAY_WRITE = {
    "collector": {"committed"},
    "city-chiang-mai": CHIANG_MAI,
    "city-rayong": {"readings of Rayong"},
    "simulator": CITIES | {"replies"},
    "viewer": set(),
    "operator": {"control"},
}
MAY_READ = {
    "collector": CITIES,
    "city-chiang-mai": {"status of Chiang Mai", "committed"},
    "city-rayong": {"committed"},
    "simulator": {"status of Chiang Mai", "committed", "control"},
    "viewer": CITIES | {"committed"},
    "operator": CITIES | {"committed", "replies"},
}


class Deployed:
    """A Mosquitto with the files of `deploy/mosquitto`, on a port and in a folder of the test's own."""

    def __init__(self, folder: Path, *, certificates_only: bool = False) -> None:
        self.port, self.folder = free_port(), folder
        self.authority = folder / "certificates" / "authority.pem"
        need("openssl")
        made = [DEPLOYED / "make-certificates", folder / "certificates", "localhost", "collector", "viewer"]
        subprocess.run(made, check=True, capture_output=True)
        people = folder / "passwords"
        people.write_text("".join(f"{role}:{PASSWORD}\n" for role in ROLES))
        subprocess.run([need("mosquitto_passwd"), "-U", people], check=True, capture_output=True)
        (folder / "acl").write_text((DEPLOYED / "acl").read_text())
        text = (DEPLOYED / "mosquitto.conf").read_text().replace("/mosquitto/data", str(folder))
        text = text.replace("/mosquitto/config", str(folder)).replace(
            "listener 8883", f"listener {self.port} 127.0.0.1"
        )
        if certificates_only:
            text = re.sub(r"^#(require_certificate|use_identity)", r"\1", text, flags=re.MULTILINE)
            text = re.sub(r"^(password_file|allow_anonymous).*$", "", text, flags=re.MULTILINE)
        for secret in (*folder.glob("certificates/*.key"), people, folder / "acl"):
            secret.chmod(0o600)
        (folder / "mosquitto.conf").write_text(f"{text}\nuser root\n")
        command = [need("mosquitto"), "-c", str(folder / "mosquitto.conf")]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(lambda: listening(self.port), 10, "mosquitto to listen")
        self.url = f"mqtts://localhost:{self.port}"

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(10)


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    broker = Deployed(tmp_path_factory.mktemp("deployed"))
    yield broker
    broker.stop()


class Client:
    """Somebody at the broker: what it hears, and what the broker says to what it says."""

    def __init__(self, broker: Deployed, role: str) -> None:
        self.heard: list[str] = []
        self._answers: dict[int, int] = {}
        self._answered = threading.Condition()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
        self._client.username_pw_set(role, PASSWORD)
        self._client.tls_set_context(ssl.create_default_context(cafile=str(broker.authority)))
        self._client.on_message = lambda _c, _d, message: self.heard.append(message.topic)
        self._client.on_publish = lambda _c, _d, mid, reason, _p: self._note(mid, reason.value)
        self._client.on_subscribe = lambda _c, _d, mid, reasons, _p: self._note(mid, reasons[0].value)
        self._client.connect("localhost", broker.port)
        self._client.loop_start()

    def subscribe(self, topic: str) -> None:
        self._answer(self._client.subscribe(topic, qos=1)[1])

    def may_write(self, topic: str) -> bool:
        return self._answer(self._client.publish(topic, "{}", qos=1).mid) in (0, 16)  # 16: nobody listened

    def _note(self, mid: int, answer: int) -> None:
        with self._answered:
            self._answers[mid] = answer
            self._answered.notify_all()

    def _answer(self, mid: int) -> int:
        with self._answered:
            assert self._answered.wait_for(lambda: mid in self._answers, 10), "no answer of the broker"
            return self._answers[mid]

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def people(deployed: Deployed) -> Iterator[dict[str, Client]]:
    made = {role: Client(deployed, role) for role in ROLES}
    yield made
    for client in made.values():
        client.close()


def test_each_role_writes_what_it_must_and_nothing_else(people: dict[str, Client]) -> None:
    written = {
        role: {name for name, topic in TOPICS.items() if client.may_write(topic)} for role, client in people.items()
    }
    assert written == MAY_WRITE


def test_each_role_hears_what_it_must_and_nothing_else(people: dict[str, Client]) -> None:
    for client in people.values():
        client.subscribe("#")
    for name, topic in TOPICS.items():
        speakers = [role for role, topics in MAY_WRITE.items() if name in topics]
        for role in speakers[:1]:
            assert people[role].may_write(topic)
    names = {topic: name for name, topic in TOPICS.items()}
    for role, client in people.items():
        wanted = MAY_READ[role]
        wait_for(lambda client=client, wanted=wanted: len(client.heard) >= len(wanted), 10, f"what {role} may hear")
        assert {names[topic] for topic in client.heard} == wanted, role


def test_a_shared_subscription_and_the_systems_topics_open_nothing(people: dict[str, Client]) -> None:
    nosy = people["city-rayong"]
    for topic in ("$share/g/nakhon/v1/#", "$SYS/#", "nakhon/v1/+/chiang-mai/#"):
        nosy.subscribe(topic)
    assert people["city-chiang-mai"].may_write(TOPICS["readings of Chiang Mai"])
    assert people["collector"].may_write(TOPICS["committed"])
    wait_for(lambda: TOPICS["committed"] in nosy.heard, 10, "what it may hear")
    assert set(nosy.heard) == {TOPICS["committed"]}


def collect(url: str, folder: Path, *more: str, **environment: str) -> Running:
    told = ("--broker", url, "--store", "duckdb://city.duckdb", "--port", "0", *more)
    return nakhon("collect", *told, folder=folder, **environment)


def named(role: str, password: str = PASSWORD) -> dict[str, str]:
    return {"NAKHON_MQTT_USERNAME": role, "NAKHON_MQTT_PASSWORD": password}


def refusal(folder: Path, process: Running) -> str:
    assert process.wait(60) == 2
    log = (folder / "collect.log").read_text()
    assert "Traceback" not in log
    assert PASSWORD not in log
    return " ".join(log.split())


def test_a_simulation_is_collected_under_these_rights_and_every_message_is_accounted_for(
    tmp_path: Path, deployed: Deployed
) -> None:
    trust = ("--ca", str(deployed.authority))
    (tmp_path / "small.toml").write_text(
        'name = "small"\nstart = 2026-03-01T00:00:00Z\nduration = "6h"\ncadence = "1h"\n'
        '[cities]\ninclude = ["chiang-mai", "rayong"]\n'
    )
    collector = collect(deployed.url, tmp_path, *trust, "--log-format", "json", **named("collector"))
    try:
        wait_for(lambda: "connected to" in (tmp_path / "collect.log").read_text(), 30, "the collector")
        told = ("--broker", deployed.url, "--run", "acl", "--ledger", "run.ledger", *trust)
        assert nakhon("simulate", "small.toml", *told, folder=tmp_path, **named("simulator")).wait(120) == 0
        page = (tmp_path / "collect.log").read_text().rpartition("the page is at ")[2].split('"')[0]
        audit = ("audit", "run.ledger", "--api", page)
        wait_for(lambda: nakhon(*audit, folder=tmp_path).wait(60) == 0, 30, "every message")
        collector.terminate()
        assert collector.wait(60) == 0
    finally:
        collector.kill()
        collector.wait(10)
    lines = [json.loads(line) for line in (tmp_path / "collect.log").read_text().splitlines()]
    assert {"time", "level", "event", "text"} <= set(lines[0])
    assert lines[-1]["received"] == lines[-1]["stored"] > 20


def test_a_broker_that_an_unknown_authority_vouches_for_is_not_trusted(tmp_path: Path, deployed: Deployed) -> None:
    made = [DEPLOYED / "make-certificates", tmp_path / "other", "localhost"]
    subprocess.run(made, check=True, capture_output=True)
    for trust in ((), ("--ca", str(tmp_path / "other" / "authority.pem"))):
        told = refusal(tmp_path, collect(deployed.url, tmp_path, *trust, **named("collector")))
        assert "is not trusted" in told
        assert "--ca" in told


def test_a_broker_under_another_name_than_its_certificates_is_not_trusted(tmp_path: Path, deployed: Deployed) -> None:
    url = deployed.url.replace("localhost", "127.0.0.1")
    process = collect(url, tmp_path, "--ca", str(deployed.authority), **named("collector"))
    assert "is not trusted (IP address mismatch" in refusal(tmp_path, process)


@pytest.mark.parametrize("who", [named("collector", "wrong"), named("nobody"), {}], ids=["password", "name", "none"])
def test_who_does_not_give_a_known_name_and_password_is_refused(
    tmp_path: Path, deployed: Deployed, who: dict[str, str]
) -> None:
    process = collect(deployed.url, tmp_path, "--ca", str(deployed.authority), **who)
    told = refusal(tmp_path, process)
    assert "refuses the connection: Not authorized; user and password come from NAKHON_MQTT_USERNAME" in told


def test_a_client_certificate_is_required_where_it_is_asked_for_and_its_name_is_the_role(tmp_path: Path) -> None:
    broker = Deployed(tmp_path, certificates_only=True)
    trust = ("--ca", str(broker.authority))
    try:
        told = refusal(tmp_path, collect(broker.url, tmp_path, *trust))
        assert "certificate" in told
        own = tmp_path / "certificates"
        pair = ("--cert", str(own / "collector.pem"), "--key", str(own / "collector.key"))
        process = collect(broker.url, tmp_path, *trust, *pair)
        wait_for(lambda: "connected to" in (tmp_path / "collect.log").read_text(), 30, "the collector")
        process.terminate()
        assert process.wait(60) == 0
        crossed = ("--cert", str(own / "collector.pem"), "--key", str(own / "viewer.key"))
        assert "cannot use the certificates" in refusal(tmp_path, collect(broker.url, tmp_path, *trust, *crossed))
    finally:
        broker.stop()
