"""The HTTP sidecar: the same scoring path behind a small server. It knows neither the stream nor Kafka."""
