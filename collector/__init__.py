"""The language, the memory and the view: what is said over MQTT, where it is kept, how it is compared."""
