"""scoreline: Kafka streaming inference for tree models, with an HTTP sidecar."""

__version__ = "0.1.0"
