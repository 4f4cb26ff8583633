"""A server on this machine that stands in for OpenAI's: it answers the two agents of `otlp-error-summary`.

It speaks the Responses API and the Chat Completions API, as far as the OpenAI Agents SDK uses them. By default it
answers as a sensible model would; a test may have it answer anything. Also a program, to try the agent by hand:
`python -m tests.agents.stand_in_model --port 9100`.
"""

import argparse
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event
from typing import Any

from tests.fakes.http import Answer, HttpStandIn, Request, listening, reply


@dataclass(frozen=True, slots=True)
class Asked:
    """What one request asks: `agent` is the name of the one that asks, `question` what it tells about the errors."""

    api: str
    agent: str
    model: str
    question: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What wants to know the question before it answers."""

    answer: Callable[[Asked], Answer]


class StandInModel:
    """Gives its answers in turn, the last one for ever."""

    def __init__(self, http: HttpStandIn) -> None:
        self.base_url = http.url.removesuffix("/process") + "/v1"
        self.asked: list[Asked] = []
        self.http = http
        self._behaviours: list[Behaviour | Answer] = [sensible]
        self._apis = {"responses", "chat/completions"}
        self._keep, http.took = http.took, self._answer

    def will(self, *behaviours: Behaviour | Answer) -> None:
        """Behave like this from now on; a plain answer of `tests.fakes.http` is given whatever the question is."""
        self._behaviours = list(behaviours)

    def speaks_only(self, api: str) -> None:
        """Answer 404 on the other API, as servers do that do not have it."""
        self._apis = {api}

    def _answer(self, request: Request) -> Answer:
        self._keep(request)
        api = request.path.removeprefix("/v1/")
        if api not in self._apis:
            return reply(404, b"404 page not found")
        asked = read(api, request.json)
        self.asked.append(asked)
        behaviour = self._behaviours[0] if len(self._behaviours) == 1 else self._behaviours.pop(0)
        return behaviour.answer(asked) if isinstance(behaviour, Behaviour) else behaviour


def read(api: str, body: dict[str, Any]) -> Asked:
    """The request of either API."""
    if api == "responses":
        schema, messages = body["text"]["format"]["schema"], body["input"]
    else:
        schema, messages = body["response_format"]["json_schema"]["schema"], body["messages"]
    text = messages if isinstance(messages, str) else messages[-1]["content"]
    agent = "Classifier" if "verdicts" in schema["properties"] else "Enricher"
    return Asked(api, agent, body["model"], json.loads(text))


def _sensible(asked: Asked) -> Answer:
    said: dict[str, Any] = ENRICHMENT
    if asked.agent == "Classifier":
        numbers = [group["group"] for group in asked.question["groups"]]
        verdicts = [{"group": number, "error_type": "PoolOverflow", "severity": "critical"} for number in numbers]
        said = {"verdicts": verdicts}
    return says(json.dumps(said)).answer(asked)


sensible = Behaviour(_sensible)
"""What a model that does its work says."""

ENRICHMENT = {
    "summary": "The database refuses connections of the payment service since 10:30.",
    "root_cause": "Probably the pool is too small for the load.",
    "remediation": ["Look at the pool's metrics.", "Raise the limit of the pool."],
    "notify": True,
}


def says(text: str) -> Behaviour:
    """The model says this."""
    return Behaviour(lambda asked: _message(asked, {"type": "output_text", "text": text, "annotations": []}))


def refuses(text: str) -> Behaviour:
    """The model declines."""
    return Behaviour(lambda asked: _message(asked, {"type": "refusal", "refusal": text}))


def fails(status: int, code: str = "", **headers: str) -> Answer:
    """An error in OpenAI's form."""
    error = {"message": "no", "type": "error", "param": None, "code": code or None}
    return reply(status, json.dumps({"error": error}).encode(), Content_Type="application/json", **headers)


def _message(asked: Asked, content: dict[str, Any]) -> Answer:
    whole = _response(asked, content) if asked.api == "responses" else _completion(asked, content)
    return reply(200, json.dumps(whole).encode(), Content_Type="application/json")


def _response(asked: Asked, content: dict[str, Any]) -> dict[str, Any]:
    """https://platform.openai.com/docs/api-reference/responses/object."""
    message = {"type": "message", "id": "msg_1", "status": "completed", "role": "assistant", "content": [content]}
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1700000000,
        "status": "completed",
        "model": asked.model,
        "output": [message],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": {
            "input_tokens": 1,
            "output_tokens": 1,
            "total_tokens": 2,
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens_details": {"reasoning_tokens": 0},
        },
    }


def _completion(asked: Asked, content: dict[str, Any]) -> dict[str, Any]:
    """https://platform.openai.com/docs/api-reference/chat/object."""
    message = {"role": "assistant", "content": content.get("text"), "refusal": content.get("refusal")}
    return {
        "id": "chatcmpl_1",
        "object": "chat.completion",
        "created": 1700000000,
        "model": asked.model,
        "choices": [{"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    }


@contextmanager
def answering(port: int = 0) -> Iterator[StandInModel]:
    """A model that is sensible until it is told otherwise."""
    with listening(port) as http:
        yield StandInModel(http)


def main() -> None:
    """Answer until Ctrl-C."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=9100)
    with answering(parser.parse_args().port) as model:
        print(f"The stand-in model answers at {model.base_url}", flush=True)
        try:
            Event().wait()
        except KeyboardInterrupt:
            return


if __name__ == "__main__":
    main()
