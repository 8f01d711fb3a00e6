"""Writes what the stream makes: acknowledged, or in transactions."""
