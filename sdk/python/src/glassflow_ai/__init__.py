"""The drop-in name: agents written for GlassFlow AI Runtime keep their import and run unchanged."""

from headrace_sdk import AsyncHeadrace as AsyncGlassFlow
from headrace_sdk import Headrace as GlassFlow

__all__ = ["AsyncGlassFlow", "GlassFlow"]
