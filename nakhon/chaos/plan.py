"""What is to fail for how long, and what came of it."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from collector.auditing.audit import Verdict


@dataclass(frozen=True, slots=True)
class Plan:
    """How long it goes on (seconds), what is drawn from which seed, how many collect into which store.

    `pace` is simulated seconds a second: 60 is a message a second from each of some 150 stations. `spool` gives each
    collector one. `store` is None for a DuckDB file of the suite's own.
    """

    seconds: float
    seed: int
    store: str | None = None
    collectors: int = 1
    pace: float = 240.0
    spool: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was done, how much each collector stored since its last start, and what the audit says."""

    plan: Plan
    faults: Counter[str]
    shares: Sequence[int]
    verdict: Verdict
    seconds: float

    @property
    def lines(self) -> Iterator[str]:
        """The account, in sentences."""
        total, told = self.verdict.total, self.verdict
        done = ", ".join(f"{name} {count}" for name, count in sorted(self.faults.items()))
        yield f"seed {self.plan.seed}, {self.seconds:.0f} s under load, {self.faults.total()} faults: {done}"
        yield (
            f"published {total.published:,} = stored {total.stored:,} + rejected {total.rejected:,} "
            f"+ missing {total.missing:,}; conflicts {told.conflicts}, pending {told.pending}"
        )
        yield f"values published {total.values_published:,}, stored {total.values_stored:,}"
        yield "deliveries: " + ", ".join(f"{fate} {count:,}" for fate, count in told.deliveries.items())
        if len(self.shares) > 1:
            yield "stored since its last start by each collector: " + ", ".join(f"{one:,}" for one in self.shares)
        yield from (f"lost: {loss.station} {loss.first} to {loss.last}" for loss in told.losses[:10])
        yield "0 lost, 0 doubled" if told.accounted_for else "NOT all accounted for"


def new_seed() -> int:
    """A seed nobody has chosen."""
    return secrets.randbelow(2**32)
