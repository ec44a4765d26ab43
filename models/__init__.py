"""Detectors: batches of tiles in, oriented boxes out, whichever runtime does the arithmetic."""
