"""`nakhon accept`: a load, timed steps and criteria from one file; a verdict, its evidence and a certificate."""
