"""Batch jobs whose only state is Kafka: what a job is, how it is cut, scored, folded from events and read back."""
