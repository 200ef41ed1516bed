"""Traffic of any broker, written down as it came, and said again."""
