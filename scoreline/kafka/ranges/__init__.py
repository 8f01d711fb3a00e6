"""Reads ranges of time, for a replay: where moments lie, how far it has come, and a source that ends."""
