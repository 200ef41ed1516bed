"""How close a simulation comes to measurements: an ensemble, statistics of shape, and a verdict for each of them."""
