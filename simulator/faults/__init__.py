"""What is broken on purpose: faults of sensors, of messages and of connections, each written in the ledger."""
