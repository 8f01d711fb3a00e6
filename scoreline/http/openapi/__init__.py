"""`/openapi.json`: what every route says it takes and answers, as one document."""
