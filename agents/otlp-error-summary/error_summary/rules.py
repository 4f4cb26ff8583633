"""What can be said without a model: ten kinds of error that every operator knows, and everything else."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from error_summary.findings import SEVERITIES, Enrichment, Severity, Verdict
from error_summary.grouping import ErrorGroup

_WARN, _ERROR, _FATAL = 13, 17, 21  # OpenTelemetry severity numbers
_SERVICES_NAMED = 3


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of error: how it is known, and what to say about it."""

    error_type: str
    severity: Severity
    pattern: re.Pattern[str]
    root_cause: str
    remediation: tuple[str, ...]


def _words(*alternatives: str) -> re.Pattern[str]:
    return re.compile("|".join(alternatives), re.IGNORECASE)


# The first that fits counts, so what is said more exactly stands before what is said in general: a pool that is
# exhausted is often reported as a time-out, and a failed look-up as a connection that could not be made.
RULES = (
    Rule(
        "ConnectionPoolExhausted",
        "critical",
        _words(
            r"\b\w*pool\b.{0,40}\b(?:exhausted|is full|limit|empty|overflow)",
            r"(?:exhausted|acquir|obtain|waiting for|wait for|get)\w*\b.{0,40}\b(?:connection )?pool\b",
            r"too many (?:connections|clients)",
            r"connections? (?:slots are reserved|limit exceeded)",
            r"HikariPool.*not available",
        ),
        "More connections are wanted at once than the pool or the server allows: connections that are not given "
        "back, slow queries that hold them, or a limit below the load.",
        (
            "Look at the connections in use, and at what each of them is running.",
            "Find code that takes a connection and does not give it back, and queries that became slow.",
            "Raise the pool's size or the server's limit, if the load is real.",
        ),
    ),
    Rule(
        "OutOfMemory",
        "critical",
        _words(
            r"out of memory", r"OutOfMemory", r"\bOOM\b|OOM-?Killed", r"MemoryError\b", r"\bENOMEM\b",
            r"(?:cannot|can't|could not|failed to|unable to) allocate memory", r"heap space|heap out of|heap limit",
            r"std::bad_alloc",
        ),
        "The process needs more memory than it may have: a leak, an unusually large request, or a low limit.",
        (
            "Compare the memory of the process over the last hours: a ramp is a leak, a step is a request.",
            "Restart what is about to be killed, and raise its limit if the need is real.",
            "Take a heap dump of an instance that is still growing.",
        ),
    ),
    Rule(
        "DiskFull",
        "critical",
        _words(
            r"no space left on device", r"\bENOSPC\b", r"(?:disk|volume|filesystem|file system|partition) (?:is )?full",
            r"disk quota exceeded", r"not enough (?:disk )?space|insufficient disk space", r"could not extend file",
            r"disk usage.{0,30}(?:exceed|watermark)|flood.?stage.*watermark",
        ),
        "A volume has no space left: logs, temporary files or data have outgrown it.",
        (
            "See what has grown: df -h, df -i, du -xsh.",
            "Remove or rotate old logs and temporary files.",
            "Enlarge the volume, and alert before it is full.",
        ),
    ),
    Rule(
        "CertificateProblem",
        "critical",
        _words(
            r"certificate.{0,60}(?:expired|verify|verif|invalid|not valid|unknown|untrusted|revoked|mismatch|required)",
            r"(?:expired|invalid|untrusted|self[- ]signed|unknown).{0,20}certificate", r"x509:", r"CERT_HAS_EXPIRED",
            r"PKIX path", r"SSLHandshakeException|CertificateException", r"(?:TLS|SSL) handshake (?:failed|error)",
            r"unable to (?:get local issuer|verify the first)",
        ),
        "A TLS certificate is expired, is for another name, or is signed by somebody who is not trusted here.",
        (
            "Look at the certificate: openssl s_client -connect HOST:443 -servername HOST.",
            "Renew it, or install the missing chain or authority.",
            "Check that renewal is automatic, and alert two weeks before the end.",
        ),
    ),
    Rule(
        "DnsResolutionFailed",
        "critical",
        _words(
            r"no such host", r"getaddrinfo", r"\bENOTFOUND\b|EAI_AGAIN", r"name or service not known",
            r"temporary failure in name resolution", r"(?:could not|cannot|failed to|unable to) resolve",
            r"UnknownHostException", r"\bNXDOMAIN\b|\bSERVFAIL\b", r"nodename nor servname", r"NameResolutionError",
            r"\bDNS\b.{0,40}(?:fail|error|timed? ?out|lookup)",
        ),
        "A name cannot be resolved: it is mistyped or gone, or the resolver is down or overloaded.",
        (
            "Resolve the name from the same place: dig NAME, or nslookup in the pod.",
            "Check the resolver (CoreDNS, resolv.conf, search domains) and recent changes of DNS.",
            "Check the name in the configuration of the service.",
        ),
    ),
    Rule(
        "Deadlock",
        "warning",
        _words(r"deadlock", r"lock wait timeout", r"\b40P01\b", r"\bORA-00060\b", r"LockAcquisitionException"),
        "Two transactions wait for each other's locks: they touch the same rows in different orders, or last long.",
        (
            "Read the deadlock report of the database for the two statements.",
            "Touch rows in the same order everywhere, and keep transactions short.",
            "Retry a transaction that was chosen as the victim.",
        ),
    ),
    Rule(
        "RateLimited",
        "warning",
        _words(
            r"rate.?limit", r"too many requests", r"(?:status|code|http)\S{0,10}\s*:?\s*429\b|\b429 too\b",
            r"throttl(?:ed|ing)", r"quota.{0,20}exceeded|exceeded.{0,30}quota", r"ProvisionedThroughputExceeded",
        ),
        "A service refuses requests because there are more of them than was agreed.",
        (
            "Find out who sends more than before.",
            "Slow down as Retry-After says, and retry with growing, random delays.",
            "Ask for a higher limit, or cache what is asked again and again.",
        ),
    ),
    Rule(
        "AuthenticationFailed",
        "warning",
        _words(
            r"authentication.{0,20}(?:fail|error|required)", r"\bunauthori[sz]ed\b",
            r"invalid (?:credentials|password)",
            r"(?:invalid|expired|missing|malformed) (?:api.?key|access token|token|jwt|bearer)", r"token.{0,20}expired",
            r"(?:password|login|sign-?in|access).{0,20}(?:failed|denied)", r"(?:status|code|http)\S{0,10}\s*:?\s*401\b",
            r"\bNOAUTH\b|WRONGPASS", r"InvalidClientTokenId|SignatureDoesNotMatch|InvalidAccessKeyId",
        ),
        "Credentials are missing, wrong or expired: a secret was rotated on one side only, or somebody is guessing.",
        (
            "Compare when it began with the last rotation of secrets.",
            "Renew the credentials of the service, and restart it if it reads them at start only.",
            "If many accounts or addresses are involved, treat it as an attack.",
        ),
    ),
    Rule(
        "NullReference",
        "warning",
        _words(
            r"NullPointerException", r"NullReferenceException", r"nil pointer dereference", r"null pointer",
            r"cannot (?:read|set) propert(?:y|ies).{0,60}(?:undefined|null)", r"'NoneType' object",
            r"undefined is not an? (?:object|function)", r"undefined method .{0,60} for nil",
            r"object reference not set", r"member function \S+ on null",
        ),
        "Code uses a value that is not there: an answer without a field, or a case that nobody thought of.",
        (
            "Take the first line of the stack trace that is your own code.",
            "Compare when it began with the last deployment, and roll back if they agree.",
            "Handle the missing value where it enters.",
        ),
    ),
    Rule(
        "Timeout",
        "warning",
        _words(r"\btime[d-]?\s?-?\s?out\b", r"timeout", r"deadline exceeded", r"ETIMEDOUT", r"took too long"),
        "Something that was called did not answer in time: it is overloaded or down, or the network loses packets.",
        (
            "Look at the latency and the errors of what was called, at the same moments.",
            "Follow one of the traces to the slowest span.",
            "Check the network between the two, and whether the limit is long enough for a normal answer.",
        ),
    ),
)  # fmt: skip


def find_rule(group: ErrorGroup) -> Rule | None:
    """The first rule that fits what the group says."""
    return next((rule for rule in RULES if rule.pattern.search(group.evidence)), None)


def judge(group: ErrorGroup) -> Verdict:
    """Type and severity of one group.

    A record that was logged below WARN tells of something that went well in the end, whatever words it uses.
    """
    rule = find_rule(group)
    error_type = rule.error_type if rule else _short(group.error_type) or "UnclassifiedError"
    if 0 < group.severity_number < _WARN:
        return Verdict(error_type=error_type, severity="informational")
    return Verdict(error_type=error_type, severity=rule.severity if rule else _severity(group.severity_number))


def explain(groups: Sequence[ErrorGroup], verdicts: Sequence[Verdict]) -> Enrichment:
    """What to say about a batch: about its worst group, of equals the most frequent one."""
    group, verdict = ranked(groups, verdicts)[0]
    rule = find_rule(group)
    return Enrichment(
        summary=_summary(groups, group, verdict),
        root_cause=rule.root_cause if rule else "Not one of the kinds of error that the rules know.",
        remediation=list(rule.remediation) if rule else ["Read the sample traces and the stack trace of the error."],
        notify=verdict.severity == "critical",
    )


def ranked(groups: Sequence[ErrorGroup], verdicts: Sequence[Verdict]) -> list[tuple[ErrorGroup, Verdict]]:
    """Each group with what was said about it, the worst first, of equals the most frequent one."""
    pairs = zip(groups, verdicts, strict=True)
    return sorted(pairs, key=lambda pair: (SEVERITIES.index(pair[1].severity), -pair[0].count))


def _summary(groups: Sequence[ErrorGroup], group: ErrorGroup, verdict: Verdict) -> str:
    total = sum(each.count for each in groups)
    services = list(dict.fromkeys(each.service for each in groups))
    more = f" and {len(services) - _SERVICES_NAMED} more" if len(services) > _SERVICES_NAMED else ""
    kinds = f" of {len(groups)} kinds" if len(groups) > 1 else ""
    return (
        f"{total} record{'s' * (total != 1)}{kinds} from {', '.join(services[:_SERVICES_NAMED])}{more}. "
        f"Worst: {verdict.error_type}, {group.count} × in {group.service}: {group.message}"
    )


def _severity(number: int) -> Severity:
    if number >= _FATAL:
        return "critical"
    return "warning" if number >= _ERROR or number == 0 else "informational"


def _short(error_type: str) -> str:
    """`java.lang.IllegalStateException` without its package."""
    return error_type.rpartition(".")[2]
