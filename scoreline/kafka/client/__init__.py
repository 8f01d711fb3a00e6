"""The client library: its clients, what their errors mean, and what it does otherwise than its documentation says."""
