"""What a publisher asks of a broker: quality of service, retention, expiry, wills, aliases; and what makes no sense."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from collector.language.broker import Broker
from collector.language.errors import InputError
from simulator.flow import WINDOW

EXPIRY = 3600
LONGEST_EXPIRY = 0xFFFF_FFFF
LARGEST_ALIAS = 65_535
UNTOLD = 20  # the default of Mosquitto


@dataclass(frozen=True, slots=True)
class Service:
    """How messages are handed to a broker. Times are in seconds, and need MQTT 5, as `aliases` and `about` do.

    `window` is how many messages are under way at once, `retain` whether the broker keeps the newest of each topic,
    `session_expiry` how long it remembers a connection that broke, `message_expiry` after which time it drops a
    message that nobody took, `will_delay` how long it waits before it says that somebody is gone. `aliases` is how many
    topics of a connection are said in two bytes (at most as many as the broker allows), `about` are user properties
    of every message, `patience` how long the broker may take nothing before the run ends. Without `statuses` nothing
    is said or heard under `nakhon/v1` but the messages: no births, wills, commands, nor the word of a collector.
    """

    qos: int = 1
    window: int = WINDOW
    retain: bool = False
    session_expiry: int | None = None
    message_expiry: int | None = None
    will_delay: int = 0
    aliases: int = 0
    about: tuple[tuple[str, str], ...] = ()
    statuses: bool = True
    patience: float | None = None

    def remembered(self, protocol: int) -> int:
        """For how long the broker is to remember a connection: 0 where there is nothing to remember.

        A session of MQTT 3.1.1 never expires; it is only needed for exactly once.
        """
        if protocol != 5:
            return EXPIRY if self.qos == 2 else 0
        return EXPIRY if self.session_expiry is None else self.session_expiry

    def under_way(self, protocol: int) -> int:
        """How many messages may be under way in a connection, beside what a broker of MQTT 5 says that it takes.

        One of MQTT 3.1.1 cannot say so: Mosquitto hangs up at QoS 2 beyond its `max_inflight_messages`.
        """
        return min(self.window, UNTOLD) if protocol != 5 and self.qos == 2 else self.window


def check_service(service: Service, broker: Broker) -> None:
    """Raise `InputError` with every demand that makes no sense, and what to do."""
    if wrong := list(_nonsense(service, broker.protocol == 5)):
        raise InputError("; ".join(wrong))


def _nonsense(service: Service, is_5: bool) -> Iterator[str]:
    needs_5 = {
        "--session-expiry": service.session_expiry is not None,
        "--message-expiry": service.message_expiry is not None,
        "--will-delay": service.will_delay > 0,
        "--topic-alias": service.aliases > 0,
        "--user-property": bool(service.about),
    }
    if not is_5 and (asked := [option for option, given in needs_5.items() if given]):
        yield f"MQTT 3.1.1 has no {', '.join(asked)}: leave it out, or take --mqtt 5"
    if is_5 and service.will_delay > service.remembered(5):
        yield (
            f"--will-delay {service.will_delay} is longer than the broker remembers the session "
            f"({service.remembered(5)} s), and the will comes when that ends: raise --session-expiry"
        )
    if service.will_delay and not service.statuses:
        yield "--will-delay delays the will, and --no-status leaves no will: give one of them"
    if service.message_expiry == 0:
        yield "--message-expiry 0 has the broker drop everything at once: expected at least 1 s"
    if service.qos == 2 and service.session_expiry == 0:
        yield "--qos 2 cannot keep its promise when the broker forgets the session at once: raise --session-expiry"
    for option, value, most in (
        ("--session-expiry", service.session_expiry, LONGEST_EXPIRY),
        ("--message-expiry", service.message_expiry, LONGEST_EXPIRY),
        ("--will-delay", service.will_delay, LONGEST_EXPIRY),
        ("--topic-alias", service.aliases, LARGEST_ALIAS),
    ):
        if value is not None and not 0 <= value <= most:
            yield f"{option}: expected 0 to {most:,}, came {value:,}"


def parse_property(text: str) -> tuple[str, str]:
    """The user property in `name=value`. Raises `InputError`."""
    name, equals, value = text.partition("=")
    if not name or not equals or not text.isprintable() or len(text.encode()) > 1000:
        raise InputError(f"--user-property: expected name=value, printable, at most 1,000 bytes, came {text[:60]!r}")
    return name, value
