"""What an operator sees: metrics, statistics, logs. Observers of the flow, never a part of it."""
