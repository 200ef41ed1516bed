"""The results of an experiment as a store to read from."""
