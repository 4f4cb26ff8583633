"""Headrace carries a team's telemetry to its AI agents: serverless functions on a cloud-neutral event bus."""

__version__ = "0.1.0"
