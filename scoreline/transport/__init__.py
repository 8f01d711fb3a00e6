"""What the stream, jobs and the sidecar share of Kafka: the ports, and an in-memory broker that obeys them."""
