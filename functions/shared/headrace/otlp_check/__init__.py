"""`headrace otlp-check`: looks from outside whether an OTLP/HTTP endpoint does what OTLP/HTTP 1.11 asks of it.

Start reading at `run.check`. Each duty is one function in a `checks_…` module, with its section of the specification.
What the specification states as a fact, or permits a client, counts as a MUST of the server.
The kit needs nothing of Headrace beside it, so that it can be a package of its own.
"""

from headrace.otlp_check.line import BadInput, NoConnection
from headrace.otlp_check.probe import Amounts
from headrace.otlp_check.report import Report
from headrace.otlp_check.run import check

__all__ = ["Amounts", "BadInput", "NoConnection", "Report", "check"]
