"""The demonstration: real flights of 2013, a model trained on them, and all of scoreline around it (extra `demo`)."""
