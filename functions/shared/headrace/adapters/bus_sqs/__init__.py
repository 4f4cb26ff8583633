"""The Bus port on Amazon SQS, where a queue's dead letters are the messages of another queue, `{queue}-dlq`.

`bus` walks from the port to calls; `queues` knows the calls and their limits, `letters` how a dead letter looks as an
SQS message. Consuming is not here: Lambda's event source mapping reads the queue and calls the function.
"""

from headrace.adapters.bus_sqs.bus import SqsBus
from headrace.adapters.bus_sqs.queues import LARGEST_BODY_BYTES

__all__ = ["LARGEST_BODY_BYTES", "SqsBus"]
