"""Alerts: rules watched beside the ingest, states that outlive a restart, notices over MQTT and to a webhook."""
