"""A request of Headrace → the batch that an agent's function gets, or the refusal that answers it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ._errors import VerificationError
from ._replies import problem
from ._verify import Secrets, verify_request


@dataclass(frozen=True, slots=True)
class Batch:
    """What an agent is asked to look at.

    Args:
        records: flat records, as the README of Headrace shows them.
        request_id: the `X-Request-ID`: the same again when Headrace sends the same batch again.
        project_id: the `X-Project-ID`; empty when the caller left it out.
        headers: all headers, names in lower case.
        repeats: what a repetition has in common with the first: the signed `webhook-id`, without a signature
            the `X-Request-ID`; empty when there is neither.
    """

    records: list[dict[str, Any]]
    request_id: str
    project_id: str
    headers: Mapping[str, str]
    repeats: str


class Refusal(Exception):
    """A request that the agent does not take, with the status and the words of its answer."""

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.reply = problem(status, detail, headers)


def read_batch(body: bytes, headers: Mapping[str, str], secrets: Secrets | None) -> Batch:
    """The batch in a request; `headers` with names in lower case, `secrets` None when signatures do not count.

    Raises:
        Refusal: 401 for a signature that does not hold, 400 for a body that is not an array of objects.
    """
    request_id = headers.get("x-request-id", "")
    repeats = request_id if secrets is None else _signed_id(body, headers, secrets)
    return Batch(_records(body), request_id, headers.get("x-project-id", ""), headers, repeats)


def _signed_id(body: bytes, headers: Mapping[str, str], secrets: Secrets) -> str:
    try:
        return verify_request(body, headers, secrets).id
    except VerificationError as error:
        raise Refusal(401, str(error)) from error


def _records(body: bytes) -> list[dict[str, Any]]:
    try:
        records = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Refusal(400, f"the body is not JSON: {error}") from error
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise Refusal(400, "the body is not a JSON array of records")
    return records
