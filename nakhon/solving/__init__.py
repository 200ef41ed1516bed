"""`nakhon solve`: the smallest setting of a lever that reaches targets with a probability, or that there is none."""
