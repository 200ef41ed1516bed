"""Any MQTT JSON as readings: a TOML file says where in a topic and a payload the station, the time and values are."""
