"""The Expressions port on JSONata: harmless expressions run here, all others in child processes with limits."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headrace.adapters.expressions_jsonata.sandbox import SandboxedExpressions

__all__ = ["SandboxedExpressions"]


def __getattr__(name: str) -> Any:
    # Late, because a worker imports this package too and should start fast, without the parent's half.
    if name == "SandboxedExpressions":
        from headrace.adapters.expressions_jsonata.sandbox import SandboxedExpressions

        return SandboxedExpressions
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
