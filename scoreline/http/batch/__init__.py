"""`/batch*`: uploads cut and published while they arrive, jobs, and results as pages and as lines."""
