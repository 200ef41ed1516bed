"""Payload formats beside wire version 1, one module each with a decoder."""
