"""What became of the connections and the messages of a publisher."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(slots=True)
class Account:
    """What became of the connections and messages of a publisher, beside those that the broker took.

    `unsent` messages at QoS 0 had no connection or went down with one, `refused` ones were answered with a refusal.
    """

    connections: int = 0
    seconds: float = 0.0
    losses: int = 0
    unsent: int = 0
    refused: int = 0
    refusal: str = ""
    gave_up: bool = False

    @property
    def counts(self) -> dict[str, int]:
        """The counts by name."""
        return {"connections": self.connections, "losses": self.losses, "unsent": self.unsent, "refused": self.refused}

    @property
    def lines(self) -> Iterator[str]:
        """What was not as it should be, in sentences."""
        if self.losses:
            yield f"connections were lost {self.losses:,} times"
        if self.unsent:
            yield f"{self.unsent:,} messages at QoS 0 had no connection, or went down with it"
        if self.refused:
            yield f"the broker refused {self.refused:,} messages: {self.refusal}"
