"""`POST /predict`, and what it shares with other routes that score: versions, decoders, shadows."""
