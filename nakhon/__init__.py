"""The command: where the simulator and the collector meet."""

__version__ = "0.1.0"
