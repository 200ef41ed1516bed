"""What can go wrong, as a tree; every message says what was expected, what came and what to do.

NakhonError
├── InputError          a file, a name or an option of the user (exit code 2)
│   ├── UnknownRun      a run that is not there
│   └── LedgerError     a ledger that cannot be read
├── WireError           a message that cannot be taken; the collector keeps it as rejected
│   ├── TopicError
│   └── PayloadError
├── BrokerError         a broker that cannot be reached or refuses
└── StoreError          a store that cannot be opened or written
    ├── StoreBusy       another process has it open
    ├── StoreFull       no space left
    └── StoreTooNew     written by a newer version
"""

from __future__ import annotations


class NakhonError(Exception):
    """Any error that Nakhon explains itself."""


class InputError(NakhonError):
    """Bad input of the user: nothing was done."""


class UnknownRun(InputError):  # noqa: N818 - what was asked for, not what went wrong
    """A run that is not there."""


class LedgerError(InputError):
    """A ledger that cannot be read or does not belong to what it is compared with."""


class WireError(NakhonError):
    """A message that does not follow the wire; `str()` is the reason kept beside its bytes."""


class TopicError(WireError):
    """A topic outside `nakhon/v1/...`."""


class PayloadError(WireError):
    """A payload that is not what its topic promises."""


class BrokerError(NakhonError):
    """A broker that cannot be reached, or refuses the connection."""


class StoreError(NakhonError):
    """A store that cannot be opened, read or written."""


class StoreBusy(StoreError):  # noqa: N818 - a state, and the only word for it
    """Another process has the store open."""


class StoreFull(StoreError):  # noqa: N818
    """No space is left for the store; nothing of the batch was kept."""


class StoreTooNew(StoreError):  # noqa: N818
    """The store was written by a newer version of Nakhon."""
