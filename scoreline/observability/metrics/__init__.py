"""Metrics of the service: what is declared, what counts it, and how a scraper sees it."""

from scoreline.observability.metrics.observer import Metrics

__all__ = ["Metrics"]
