"""Records say by their number what has to become of them, and Headrace's own receiver and pipeline agree."""

import gzip

import orjson
import pytest

from headrace.intake.wire.otlp import Encoding
from tests.chaos.records import decode_batch, decode_numbers, encode_request
from tests.otlp_records import decode_request

FIRST, COUNT = 4990, 20


@pytest.mark.parametrize("form", range(4))
def test_every_form_of_a_request_holds_the_same_records(form: int) -> None:
    body, headers = encode_request(FIRST, COUNT, form)
    body = gzip.decompress(body) if headers.get("Content-Encoding") == "gzip" else body
    encoding: Encoding = "protobuf" if form % 2 else "json"
    assert headers["Content-Type"].endswith(encoding)
    flat = decode_request("logs", encoding, body, 0).records
    assert decode_numbers(flat) == list(range(FIRST, FIRST + COUNT))
    assert decode_batch(orjson.dumps(flat)) == decode_numbers(flat)
    severities = {
        number: record["severityNumber"] for number, record in zip(range(FIRST, FIRST + COUNT), flat, strict=True)
    }
    assert [number for number, severity in severities.items() if severity < 17] == [4990, 5000]
