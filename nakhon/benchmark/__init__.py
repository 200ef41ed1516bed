"""`nakhon bench`: capacity, latency and integrity of a broker or a consumer, each measured on its own."""
