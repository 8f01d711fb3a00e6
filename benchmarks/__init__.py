"""Benchmarks: runnable with `python -m benchmarks.NAME`, each also asserts that its answers are right."""
