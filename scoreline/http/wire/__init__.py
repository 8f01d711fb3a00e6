"""Between the socket and a request: connections and their bounds, TLS, bytes in and answers out."""
