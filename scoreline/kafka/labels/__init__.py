"""Labels read from Kafka, outside any group."""
