"""Servers that are compared with ours over HTTP."""
