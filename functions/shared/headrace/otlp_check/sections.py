"""Where the specifications say what is checked: sections of OTLP 1.11, and of HTTP where OTLP leaves it to HTTP."""

from dataclasses import dataclass

SPECIFICATION = "OTLP/HTTP 1.11"
_OTLP = "https://opentelemetry.io/docs/specs/otlp/"
_RFC = "https://www.rfc-editor.org/rfc/"


@dataclass(frozen=True, slots=True)
class Section:
    """A section and where to read it."""

    name: str
    url: str


def _otlp(name: str, anchor: str) -> Section:
    return Section(f"OTLP, {name}", f"{_OTLP}#{anchor}")


def _rfc(number: int, section: str) -> Section:
    return Section(f"RFC {number}, {section}", f"{_RFC}rfc{number}#section-{section}")


COMPRESSION = _otlp("Protocol Details", "protocol-details")
BINARY = _otlp("Binary Protobuf Encoding", "binary-protobuf-encoding")
JSON = _otlp("JSON Protobuf Encoding", "json-protobuf-encoding")
REQUEST = _otlp("OTLP/HTTP Request", "otlphttp-request")
RESPONSE = _otlp("OTLP/HTTP Response", "otlphttp-response")
FULL_SUCCESS = _otlp("Full Success", "full-success-1")
PARTIAL_SUCCESS = _otlp("Partial Success", "partial-success-1")
FAILURES = _otlp("Failures", "failures-1")
RETRYABLE = _otlp("Retryable Response Codes", "retryable-response-codes")
BAD_DATA = _otlp("Bad Data", "bad-data")
THROTTLING = _otlp("OTLP/HTTP Throttling", "otlphttp-throttling")
CONNECTION = _otlp("OTLP/HTTP Connection", "otlphttp-connection")
CONCURRENT = _otlp("OTLP/HTTP Concurrent Requests", "otlphttp-concurrent-requests")
INTEROPERABILITY = _otlp("Future Versions and Interoperability", "future-versions-and-interoperability")

FIELD_NAMES = _rfc(9110, "5.1")
MEDIA_TYPE = _rfc(9110, "8.3.1")
EXPECT = _rfc(9110, "10.1.1")
CHALLENGE = _rfc(9110, "11.6.1")
UNAUTHORIZED = _rfc(9110, "15.5.2")
METHOD_NOT_ALLOWED = _rfc(9110, "15.5.6")
UNSUPPORTED_MEDIA_TYPE = _rfc(9110, "15.5.16")
CHUNKED = _rfc(9112, "7.1")
PERSISTENCE = _rfc(9112, "9.3")
PIPELINING = _rfc(9112, "9.3.2")
