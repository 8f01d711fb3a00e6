"""Reads as a member of a consumer group: membership, positions, starts, commits."""
