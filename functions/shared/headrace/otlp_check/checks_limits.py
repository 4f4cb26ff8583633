"""Duties on amounts: what is long but legal is taken, what is too long is refused with 413."""

from headrace.otlp_check import payloads, sections
from headrace.otlp_check.catalogue import Catalogue, accepted, require
from headrace.otlp_check.checks_http import encoding_taken
from headrace.otlp_check.probe import Encoding, Probe, Skipped, status_of
from headrace.otlp_check.report import Answer

catalogue = Catalogue()


@catalogue.check_both("many-records", "SHOULD", sections.REQUEST, "Many records in one request are taken")
def _many_records(probe: Probe, encoding: Encoding) -> Answer:
    body = probe.encoded(encoding, payloads.minimal(probe.export, probe.amounts.many_records))
    return accepted(probe, encoding, probe.send_gzipped(encoding, body))


@catalogue.check("long-request", "SHOULD", sections.REQUEST, "A body well below the recommended limit is taken")
def _long_request(probe: Probe) -> Answer:
    encoding = encoding_taken(probe)
    body = probe.encoded(encoding, payloads.long_in_pieces(probe.export, probe.amounts.long_bytes))
    return accepted(probe, encoding, probe.send(encoding, body))


def _too_long(probe: Probe) -> Answer:
    def ask() -> Answer:
        encoding = encoding_taken(probe)
        return probe.send(encoding, probe.encoded(encoding, payloads.long(probe.export, probe.amounts.oversize_bytes)))

    return _refused(probe.remembered("too long", ask), probe.amounts.oversize_bytes)


def _too_long_unpacked(probe: Probe) -> Answer:
    def ask() -> Answer:
        encoding = encoding_taken(probe)
        body = probe.encoded(encoding, payloads.long(probe.export, probe.amounts.unpacked_bytes))
        return probe.send_gzipped(encoding, body)

    return _refused(probe.remembered("too long unpacked", ask), probe.amounts.unpacked_bytes)


def _refused(answer: Answer, size_bytes: int) -> Answer:
    if answer.status == 200:
        raise Skipped(f"{size_bytes} bytes were taken: its limit, if it has one, is beyond what is sent here", answer)
    return answer


@catalogue.check("oversize", "SHOULD", sections.REQUEST, "A body over the server's limit is answered 413")
def _oversize(probe: Probe) -> Answer:
    answer = _too_long(probe)
    require(answer.status == 413, f"answered {answer.status} instead of 413", answer)
    return answer


@catalogue.check("oversize-status", "MUST", sections.FAILURES, "Who sends too much gets a google.rpc.Status")
def _oversize_status(probe: Probe) -> Answer:
    answer = _too_long(probe)
    status_of(answer)
    return answer


@catalogue.check("oversize-unpacked", "SHOULD", sections.REQUEST, "A body over the limit after gunzip is answered 413")
def _oversize_unpacked(probe: Probe) -> Answer:
    answer = _too_long_unpacked(probe)
    require(answer.status == 413, f"answered {answer.status} instead of 413", answer)
    return answer


@catalogue.check("oversize-unpacked-status", "MUST", sections.FAILURES, "Who sends a bomb gets a google.rpc.Status")
def _oversize_unpacked_status(probe: Probe) -> Answer:
    answer = _too_long_unpacked(probe)
    status_of(answer)
    return answer
