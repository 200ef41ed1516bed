"""What is odd about values, found by pure detectors, explained, and stored as flags beside the readings."""
