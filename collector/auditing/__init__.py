"""A ledger against any consumer: what became of every reading, and what was done to those that are not as they were."""
