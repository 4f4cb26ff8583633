"""The Wiring port on AWS: SQS queues, each with one for its dead letters, and Lambda event source mappings.

`wiring` walks from the port to what must be; `queues` brings one queue there, `mappings` its mapping. Each step looks
first and changes only what differs, so any of them may be repeated after any interruption.
"""

from headrace.adapters.wiring_aws.wiring import AwsWiring

__all__ = ["AwsWiring"]
