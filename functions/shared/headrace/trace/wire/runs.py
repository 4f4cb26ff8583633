"""Runs and spans as the read API gives them: contract, section 10. What is not known is empty, or null if a number."""

from collections.abc import Sequence
from typing import Any

from headrace.times import timestamp
from headrace.trace.domain.runs import AgentPart, Failure, Graph, Run, RunMessage, ToolCall, agents_of
from headrace.trace.domain.spans import Span


def encode_run(run: Run) -> dict[str, Any]:
    """A run as the API gives it."""
    return {
        "trace_id": run.trace_id,
        "framework": run.framework,
        "service_name": run.service_name,
        "status": run.status,
        "error_type": run.error_type,
        "error_detail": run.error_detail,
        "error_message": run.error_message,
        "recovered": run.recovered,
        "started_at": timestamp(max(0, run.started_unix_nano)),
        "duration_ms": round(run.duration_ms, 3),
        "agents": [_encode_agent(agent) for agent in run.agents],
        "entry_agent": run.entry_agent,
        "llm_calls": run.llm_calls,
        "llm_failed_calls": run.llm_failed_calls,
        "tool_calls": [_encode_tool_call(call) for call in run.tool_calls],
        "messages": [_encode_message(message) for message in run.messages],
        "user_id": run.user_id,
        "user_ids": run.user_ids,
        "session_id": run.session_id,
        "session_ids": run.session_ids,
        "models": run.models,
        "input_tokens": run.input_tokens,
        "output_tokens": run.output_tokens,
        "cost_usd": run.cost_usd,
        "failures": [_encode_failure(failure) for failure in run.failures],
        "oddities": run.oddities,
        "span_count": run.span_count,
    }


def _encode_agent(agent: AgentPart) -> dict[str, Any]:
    return {
        "name": agent.name,
        "role": agent.role,
        "llm_calls": agent.llm_calls,
        "tool_calls": agent.tool_calls,
        "input_tokens": agent.input_tokens,
        "output_tokens": agent.output_tokens,
        "errors": agent.errors,
        "cost_usd": round(agent.cost_usd, 9),
        "duration_ms": round(agent.duration_ms, 3),
    }


def _encode_tool_call(call: ToolCall) -> dict[str, Any]:
    return {"name": call.name, "agent": call.agent, "ok": call.ok, "duration_ms": round(call.duration_ms, 3)}


def _encode_message(message: RunMessage) -> dict[str, Any]:
    return {"from": message.sender, "to": message.recipient, "type": message.type, "at": message.at}


def _encode_failure(failure: Failure) -> dict[str, Any]:
    return {
        "mode": failure.mode,
        "confidence": failure.confidence,
        "span_ids": failure.span_ids,
        "evidence": failure.evidence,
    }


def encode_graph(graph: Graph) -> dict[str, Any]:
    """Who handed to whom, how often."""
    edges = [{"from": e.source, "to": e.target, "type": e.type, "count": e.count} for e in graph.edges]
    nodes = [{"agent": agent.name, **_encode_agent(agent)} for agent in graph.nodes]
    return {"nodes": nodes, "edges": edges}


def encode_spans(spans: Sequence[Span]) -> list[dict[str, Any]]:
    """All spans of one trace as the API gives them."""
    agents = agents_of(spans)
    return [encode_span(span, agents.get(span.span_id, "")) for span in spans]


def encode_span(span: Span, agent: str) -> dict[str, Any]:
    """A span as the API gives it; `agent` is whose work it is a part of, by itself or its ancestors."""
    error = span.error
    return {
        "span_id": span.span_id,
        "parent_span_id": span.parent_span_id,
        "name": span.name,
        "kind": span.kind,
        "agent": agent,
        "role": span.role,
        "tool": span.tool,
        "started_at": timestamp(max(0, span.started_unix_nano)),
        "duration_ms": None if span.duration_nano is None else span.duration_nano / 1e6,
        "status": span.status,
        "model": span.model,
        "provider": span.provider,
        "input_tokens": span.input_tokens,
        "output_tokens": span.output_tokens,
        "cached_tokens": span.cached_tokens,
        "cost_usd": span.cost_usd,
        "input": span.input,
        "output": span.output,
        "error": None if error is None else {"type": error.type, "message": error.message},
        "user_id": span.user_id,
        "session_id": span.session_id,
        "attributes": span.attributes,
        "oddities": span.oddities,
        "rule": span.rule,
    }
