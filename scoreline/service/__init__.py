"""The only wiring: settings in, a running service out."""

from scoreline.service.process import run_service

__all__ = ["run_service"]
