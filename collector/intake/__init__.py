"""The way in: from a delivery of the broker to what is committed, acknowledged and counted."""
