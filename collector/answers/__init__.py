"""What replications of scenarios answer, with its uncertainty: pure functions of arrays.

Everywhere an outcome is an array (replications,) or (replications, buckets); two arrays are paired where their rows
are the same replications. Confidence is a share such as 0.95.
"""
