"""Decode, flatten and pack, one core: Headrace beside the library way, over the same requests.

Headrace remembers attributes by their bytes. In the reference request they repeat, as most do in real logs; a second
figure has requests in which no attribute ever comes again, so that remembering is all cost and no gain.
"""

import json
from collections.abc import Callable
from itertools import count, cycle

from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from tests.benchmarks.reference import RECORDS, request
from tests.benchmarks.timing import best_seconds
from tests.otlp_records import decode_request, encode_records

_REQUESTS_WITHOUT_REPETITION = 16
"""Many more attributes than are remembered, so that going round does not bring one back in time."""


def measure() -> dict[str, float]:
    """Records per second, and the ratios."""
    body, strangers = request(), _without_repetition()
    fast, slow = _ours([body]), _library([body])
    fast_worst, slow_worst = _ours(strangers), _library(strangers)
    decode = best_seconds(lambda: ExportLogsServiceRequest.FromString(body))
    return {
        "receive: bytes of protobuf a record": len(body) / RECORDS,
        "receive: decode + flatten + pack, records/s": RECORDS / fast,
        "receive: MessageToDict + json.dumps, records/s": RECORDS / slow,
        "receive: times the library way (at least 5)": slow / fast,
        "receive, worst case, no attribute ever repeats: decode + flatten + pack, records/s": RECORDS / fast_worst,
        "receive, worst case, no attribute ever repeats: times the library way": slow_worst / fast_worst,
        "receive: protobuf decode alone, records/s": RECORDS / decode,
    }


def work() -> Callable[[], object]:
    """One request, received: what a profile looks into."""
    body = request()
    return lambda: encode_records(decode_request("logs", "protobuf", body, 0).records, record_limit_bytes=700 * 1024)


def _ours(bodies: list[bytes]) -> float:
    following = cycle(bodies)

    def work() -> None:
        encode_records(decode_request("logs", "protobuf", next(following), 0).records, record_limit_bytes=700 * 1024)

    return best_seconds(work)


def _library(bodies: list[bytes]) -> float:
    following = cycle(bodies)

    def work() -> None:
        json.dumps(MessageToDict(ExportLogsServiceRequest.FromString(next(following))))

    return best_seconds(work)


def _without_repetition() -> list[bytes]:
    """Reference requests in which each attribute's value is there once; as long as in the reference."""
    message, numbers, bodies = ExportLogsServiceRequest.FromString(request()), count(10**9), []
    for _ in range(_REQUESTS_WITHOUT_REPETITION):
        for log in message.resource_logs[0].scope_logs[0].log_records:
            for attribute, number in zip(log.attributes, numbers, strict=False):
                if attribute.value.HasField("int_value"):
                    attribute.value.int_value = number
                else:
                    attribute.value.string_value = f"{attribute.value.string_value[:-10]}{number}"
        bodies.append(message.SerializeToString())
    return bodies
