"""A real Apache Kafka on this machine with only Python: a JRE from a wheel, the broker's jars from Maven Central."""
