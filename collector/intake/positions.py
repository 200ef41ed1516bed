"""What of every stream is stored: tells a new message from one delivered twice and from one that contradicts it."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable

from collector.stores.protocol import Fate, Position, Stream

REMEMBERED = 1000
_MARK = 0xFFFF_FFFF
_NOTHING = (1 << 64) - 1


class Ranges:
    """A set of whole numbers kept as ascending ranges, small as long as there are few gaps."""

    def __init__(self, ranges: Iterable[tuple[int, int]] = ()) -> None:
        self._firsts: list[int] = []
        self._lasts: list[int] = []
        self.count = 0
        for first, last in sorted(ranges):
            self._firsts.append(first)
            self._lasts.append(last)
            self.count += last - first + 1

    def __contains__(self, number: int) -> bool:
        if not self._lasts or number > self._lasts[-1]:
            return False
        at = bisect_right(self._firsts, number) - 1
        return at >= 0 and number <= self._lasts[at]

    def add(self, number: int) -> None:
        """Add a number that is not in the set."""
        self.count += 1
        firsts, lasts = self._firsts, self._lasts
        at = bisect_right(firsts, number)
        after_one = at > 0 and lasts[at - 1] == number - 1
        before_one = at < len(firsts) and firsts[at] == number + 1
        if after_one and before_one:
            lasts[at - 1] = lasts.pop(at)
            firsts.pop(at)
        elif after_one:
            lasts[at - 1] = number
        elif before_one:
            firsts[at] = number
        else:
            firsts.insert(at, number)
            lasts.insert(at, number)

    def pairs(self) -> tuple[tuple[int, int], ...]:
        """The ranges (first, last), ascending."""
        return tuple(zip(self._firsts, self._lasts, strict=True))


class _Held:
    """What of a stream is held: its numbers, and the digests of the newest in a ring."""

    __slots__ = ("newest", "ranges", "ring")

    def __init__(self, ranges: Iterable[tuple[int, int]] = (), recent: dict[int, int] | None = None) -> None:
        self.ranges = Ranges(ranges)
        self.ring: array[int] = array("Q")
        self.newest = -1
        for seq in sorted(recent or {}):
            self.remember(seq, (recent or {})[seq])

    def remember(self, seq: int, digest: int) -> None:
        """Note the digest of a number; it may take the place of the number 1,000 before it."""
        at = seq % REMEMBERED
        if at >= len(self.ring):
            self.ring.extend([_NOTHING] * (min(REMEMBERED, max(at + 1, 2 * len(self.ring))) - len(self.ring)))
        if seq > self.newest - REMEMBERED:
            self.ring[at] = (seq & _MARK) << 32 | digest
            self.newest = max(self.newest, seq)

    def digest(self, seq: int) -> int | None:
        """The digest of a number, None if it is not remembered."""
        at = seq % REMEMBERED
        if at >= len(self.ring) or seq <= self.newest - REMEMBERED:
            return None
        known = self.ring[at]
        return known & _MARK if known >> 32 == seq & _MARK and known != _NOTHING else None


class Positions:
    """The positions of all streams, loaded from a store and carried forward message by message.

    The digests of the newest 1,000 numbers of a stream are remembered: an older number that comes again is taken
    for a duplicate, whatever its bytes. `shared` says that others store messages of the same sessions: only what was
    added here counts as held.
    """

    def __init__(self, stored: Iterable[Position] = (), *, shared: bool = False) -> None:
        self._streams: defaultdict[Stream, _Held] = defaultdict(_Held)
        self._sessions: defaultdict[tuple[str, str], int] = defaultdict(int)
        for position in stored:
            held = self._streams[position.stream] = _Held(position.ranges, position.recent)
            if not shared:
                self._sessions[position.stream.run, position.stream.session] += held.ranges.count

    def fate(self, stream: Stream, seq: int, digest: int) -> Fate:
        """What becomes of a message: stored (it is new), duplicate or conflict."""
        held = self._streams.get(stream)
        if held is None or seq not in held.ranges:
            return Fate.STORED
        known = held.digest(seq)
        return Fate.DUPLICATE if known is None or known == short(digest) else Fate.CONFLICT

    def add(self, stream: Stream, seq: int, digest: int) -> None:
        """Take note of a message that is new."""
        held = self._streams[stream]
        held.ranges.add(seq)
        held.remember(seq, short(digest))
        self._sessions[stream.run, stream.session] += 1

    def held(self, run: str, session: str) -> int:
        """How many distinct messages of a session are held."""
        return self._sessions.get((run, session), 0)


def short(digest: int) -> int:
    """The 32 bits of a digest that are kept for each message."""
    return digest & 0xFFFF_FFFF
