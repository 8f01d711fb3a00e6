"""The Kafka edge: the one room, beside the schema registry's, that knows the client library."""
