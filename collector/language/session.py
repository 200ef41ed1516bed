"""How a connection presents itself to a broker, and what the broker says that it takes."""

from __future__ import annotations

from dataclasses import dataclass

LARGEST_PACKET = 268_435_455
"""Bytes of the largest packet that MQTT knows."""


@dataclass(frozen=True, slots=True)
class Session:
    """How a connection presents itself: who it is, how long the broker remembers it, what to say if it dies.

    `expiry` is in seconds (MQTT 5; 3.1.1 sessions do not expire); 0 asks for a clean session. `window` is how many
    unacknowledged messages the broker may hand out (MQTT 5), and how many we have under way ourselves. `will_delay` is
    in seconds, `aliases` how many topics are said by an alias (both MQTT 5).
    """

    client_id: str
    expiry: int = 0
    window: int = 1000
    manual_ack: bool = False
    will: tuple[str, bytes] | None = None
    will_delay: int = 0
    aliases: int = 0


@dataclass(frozen=True, slots=True)
class Limits:
    """What a broker says that it takes (MQTT 5; an older one does not say)."""

    qos: int = 2
    retain: bool = True
    under_way: int = 65_535
    packet: int = LARGEST_PACKET
    aliases: int = 0
