"""What a check works with: requests for one signal, their answers, and what all of them together showed."""

import gzip
import json
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from google.protobuf.message import DecodeError, Message
from google.protobuf.unknown_fields import UnknownFieldSet
from google.rpc.error_details_pb2 import BadRequest
from google.rpc.status_pb2 import Status

from headrace.otlp_check import otlp_json
from headrace.otlp_check.line import Headers, Line, NoAnswer, Outgoing, Target
from headrace.otlp_check.payloads import EXPORTS, Export
from headrace.otlp_check.report import Answer
from headrace.otlp_check.signals import Signal

Encoding = Literal["protobuf", "json"]
ENCODINGS: tuple[Encoding, ...] = ("protobuf", "json")
MEDIA_TYPES: dict[Encoding, str] = {"protobuf": "application/x-protobuf", "json": "application/json"}
_USER_AGENT = "headrace-otlp-check/0.1.0"
"""With the version of the kit, which is not that of Headrace."""
_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Amounts:
    """How much is sent where the amount matters, and how long an answer may take."""

    timeout_seconds: float = 10.0
    many_records: int = 10_000
    long_bytes: int = 2 * _MIB
    """Well below the 20 MiB that OTLP recommends as the limit."""
    oversize_bytes: int = 24 * _MIB
    unpacked_bytes: int = 64 * _MIB


class Failed(Exception):
    """A duty that was not kept."""

    def __init__(self, reason: str, seen: Answer | None = None) -> None:
        super().__init__(reason)
        self.seen = seen


class Skipped(Failed):
    """A duty that could not be looked at; the reason says why."""


@dataclass(frozen=True, slots=True)
class Partial:
    """A `partial_success` that is set."""

    rejected: int
    message: str


@dataclass(slots=True)
class History:
    """All requests of a run with what came back, in no order that means anything."""

    answers: list[tuple[Outgoing, Answer]] = field(default_factory=list)
    unanswered: list[tuple[Outgoing, NoAnswer]] = field(default_factory=list)
    bytes_sent: int = 0

    @property
    def requests(self) -> int:
        """How many were sent."""
        return len(self.answers) + len(self.unanswered)


class Probe:
    """Asks one endpoint about one signal. `headers` are the user's, such as credentials; they appear in no result."""

    def __init__(self, target: Target, headers: Headers, signal: Signal, amounts: Amounts) -> None:
        self.target, self.headers, self.signal, self.amounts = target, tuple(headers), signal, amounts
        self.export: Export = EXPORTS[signal]
        self.not_taken: set[Encoding] = set()
        """What the server answers 415 to even when it is valid."""
        self.history = History()
        self._remembered: dict[str, Answer | Failed | NoAnswer] = {}

    # --- asking -------------------------------------------------------------------------------------------------

    def outgoing(self, encoding: Encoding, body: bytes, *extra: tuple[str, str], **how: Any) -> Outgoing:
        """A request with a body; `extra` headers replace the usual ones of the same name."""
        usual = [
            ("Content-Type", MEDIA_TYPES[encoding]),
            ("User-Agent", _USER_AGENT),
            *how.pop("own_headers", self.headers),
        ]
        replaced = {name.lower() for name, _ in extra}
        headers = [pair for pair in usual if pair[0].lower() not in replaced] + list(extra)
        return Outgoing(self.export.path, headers, body, **how)

    def send(self, encoding: Encoding, body: bytes, *extra: tuple[str, str], **how: Any) -> Answer:
        """The answer to one request on a connection of its own. Raises NoAnswer."""
        return self.exchange(self.outgoing(encoding, body, *extra, **how))[0]

    def send_gzipped(self, encoding: Encoding, body: bytes) -> Answer:
        """The same, with the body compressed."""
        return self.send(encoding, gzip.compress(body, 1), ("Content-Encoding", "gzip"))

    def exchange(self, *requests: Outgoing) -> list[Answer]:
        """The answers to requests that are sent at once on one connection. Raises NoAnswer."""
        return self.with_line(lambda line: line.exchange(*requests), requests)

    def with_line(self, use: Callable[[Line], list[Answer]], requests: Sequence[Outgoing]) -> list[Answer]:
        """What `use` gets for the requests on a new connection. Raises NoAnswer."""
        line = None
        try:
            with Line(self.target, self.amounts.timeout_seconds) as line:
                answers = use(line)
        except NoAnswer as trouble:
            self.history.unanswered += [(request, trouble) for request in requests]
            raise
        finally:
            self.history.bytes_sent += line.sent_bytes if line is not None else 0
        self.history.answers += zip(requests, answers, strict=False)
        return answers

    def remembered(self, name: str, ask: Callable[[], Answer]) -> Answer:
        """What `ask` answered the first time, for checks that look at one answer from several sides."""
        if name not in self._remembered:
            try:
                self._remembered[name] = ask()
            except (Failed, NoAnswer) as trouble:
                self._remembered[name] = trouble
        found = self._remembered[name]
        if isinstance(found, Answer):
            return found
        raise found

    # --- writing and reading ------------------------------------------------------------------------------------

    def encoded(self, encoding: Encoding, message: Message) -> bytes:
        """A request message as bytes."""
        if encoding == "protobuf":
            return bytes(message.SerializeToString())
        return otlp_json.encode(otlp_json.to_tree(message))

    def partial_success(self, encoding: Encoding, answer: Answer) -> Partial | None:
        """The `partial_success` of an answer, None when unset. Raises Failed: no Export response."""
        if encoding == "json":
            return self._partial_of_json(answer)
        name = self.export.response.DESCRIPTOR.name
        try:
            response: Any = self.export.response.FromString(answer.body)
        except DecodeError as cause:
            raise Failed(f"the body is no binary {name}: {cause}", answer) from cause
        if len(UnknownFieldSet(response)):
            raise Failed(f"the body is no binary {name}: it has fields that none has", answer)
        if not response.HasField("partial_success"):
            return None
        partial = response.partial_success
        return Partial(getattr(partial, self.export.rejected), partial.error_message)

    def _partial_of_json(self, answer: Answer) -> Partial | None:
        tree = _json_object(answer)
        if unknown := set(tree) - {"partialSuccess"}:
            raise Failed(f"an Export response has no fields {sorted(unknown)}", answer)
        partial = tree.get("partialSuccess")
        if partial is None:
            return None
        try:
            return Partial(int(partial.get(self.export.rejected_in_json, 0)), str(partial.get("errorMessage", "")))
        except (AttributeError, TypeError, ValueError) as cause:
            raise Failed(f"partialSuccess is not readable: {cause}", answer) from cause


def unpacked(answer: Answer) -> Answer:
    """The answer with its body as it was before gzip. Raises Failed: damaged, or compressed in another way."""
    coding = answer.headers.get("content-encoding", "identity").strip().lower()
    if coding == "identity":
        return answer
    if coding != "gzip":
        raise Failed(f"Content-Encoding {coding!r} was not asked for", answer)
    try:
        return replace(answer, body=gzip.decompress(answer.body))
    except (OSError, EOFError, zlib.error) as cause:
        raise Failed(f"the body is no gzip: {cause}", answer) from cause


def status_of(answer: Answer) -> Status:
    """The `google.rpc.Status` of an answer, read as its Content-Type says. Raises Failed: there is none."""
    if answer.media_type == MEDIA_TYPES["protobuf"]:
        try:
            status = Status.FromString(answer.body)
        except DecodeError as cause:
            raise Failed(f"the body is no binary google.rpc.Status: {cause}", answer) from cause
        if len(UnknownFieldSet(status)):
            raise Failed("the body is no binary google.rpc.Status: it has fields that none has", answer)
        return status
    if answer.media_type != MEDIA_TYPES["json"]:
        raise Failed(f"Content-Type {answer.media_type!r} holds no google.rpc.Status", answer)
    return _status_of_json(answer)


def _status_of_json(answer: Answer) -> Status:
    tree = _json_object(answer)
    if unknown := set(tree) - {"code", "message", "details"}:
        raise Failed(f"a google.rpc.Status has no fields {sorted(unknown)}", answer)
    try:
        status = Status(code=tree.get("code"), message=tree.get("message"))
        for detail in tree.get("details") or ():
            status.details.add(type_url=detail["@type"])
    except (TypeError, ValueError, KeyError) as cause:
        raise Failed(f"the body is no google.rpc.Status: {cause!r}", answer) from cause
    return status


def describes_bad_request(status: Status) -> bool:
    """Whether the details hold a `google.rpc.BadRequest`."""
    return any(detail.Is(BadRequest.DESCRIPTOR) for detail in status.details)


def _json_object(answer: Answer) -> dict[str, Any]:
    try:
        tree = json.loads(answer.body)
    except ValueError as cause:
        raise Failed(f"the body is not JSON: {cause}", answer) from cause
    if not isinstance(tree, dict):
        raise Failed("the body is no JSON object", answer)
    return tree
