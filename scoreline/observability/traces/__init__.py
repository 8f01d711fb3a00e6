"""W3C trace contexts, which are carried always, and spans, which are made where they are asked for (extra `otel`)."""
