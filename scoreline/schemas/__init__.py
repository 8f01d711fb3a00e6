"""Schemas: Avro bytes and JSON to columns of features, predictions to Avro bytes, and where schemas come from."""
