"""The Bus, Source and Wiring ports on NATS JetStream, from server 2.9.

`connection` holds the one event loop and the connection, `names` and `streams` what there is on the server,
`messages` our messages as NATS ones. `consumer` pulls and keeps leases, `later` keeps messages that have to wait,
`dead` those that were given up; `bus` puts these together. `wiring` shares subscriptions among processes.

JetStream's own redelivery guards against the death of a process: a message that nobody reports on for `ack_wait` is
delivered to another. All other times, leases and delays, are kept here, by the clock of the port.
"""

from headrace.adapters.bus_nats.bus import NatsBus
from headrace.adapters.bus_nats.wiring import NatsWiring

__all__ = ["NatsBus", "NatsWiring"]
