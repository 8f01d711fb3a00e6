"""Batch jobs on Kafka: their chunks and events are published, their events followed, their results read."""
