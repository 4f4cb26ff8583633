"""Everything in one process: the functions of `template.yaml`, behind uvicorn and the pump.

Stopping (SIGTERM, Ctrl-C): take no new requests and messages, let what runs end within the grace time, and leave
the rest to its leases: it is delivered again after the next start.
"""

import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import uvicorn

from headrace import bootstrap
from headrace.domain.errors import ConfigError
from headrace.local.feed import Feed
from headrace.local.functions import Deadline, Loaded, load
from headrace.local.gateway import Gateway
from headrace.local.metrics import Metrics
from headrace.local.pump import Pump
from headrace.local.schedules import Schedules, scheduled_calls
from headrace.local.template import read_template

GRACE = timedelta(seconds=10)
_HTTP_THREADS = 16
_HOUSEKEEPING_EVERY = timedelta(minutes=1)


def serve(template: Path, listener: socket.socket, ready: Callable[[], None]) -> None:
    """Run until SIGTERM or SIGINT; call `ready` once requests are answered.

    Raises:
        ConfigError: a setting or function that cannot work.
    """
    deadline = Deadline()
    functions = [load(function, deadline) for function in read_template(template)]
    feed = Feed(bootstrap.configuration().project_of)
    threads = ThreadPoolExecutor(_HTTP_THREADS, thread_name_prefix="http")
    metrics = Metrics(bootstrap.bus(), bootstrap.wiring())
    gateway = Gateway(functions, threads, feed, bootstrap.settings().max_body_bytes, metrics)
    pump = _pump(functions)
    schedules = Schedules([*scheduled_calls(functions), ("housekeeping", _HOUSEKEEPING_EVERY, bootstrap.housekeep)])
    server = _Server(gateway, feed, ready, bootstrap.settings().trusted_proxies)
    # Until uvicorn takes the signals over, they are ours; and when it is done it raises the one that stopped it once
    # more, which must not end us before we are.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, server.stop)
    pump.start()
    schedules.start()
    server.run(sockets=[listener])
    schedules.stop()
    deadline.bring_forward(GRACE)
    ended = pump.stop(GRACE)
    threads.shutdown(wait=False, cancel_futures=True)
    metrics.close()
    bootstrap.close()
    if not ended:  # handlers that outstay the grace time would keep the interpreter; their messages come back
        sys.stdout.flush()
        os._exit(0)


def listen(host: str, port: int) -> socket.socket:
    """A socket bound to the address; port 0 takes a free one.

    Raises:
        ConfigError: the address cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With its protocol named: only then does asyncio switch Nagle's algorithm off, which costs 40 ms an answer.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except (OSError, OverflowError) as cause:  # the latter is what a port of 65536 gives
        listener.close()
        reason = getattr(cause, "strerror", None) or cause
        raise ConfigError(f"cannot listen on {host}:{port} ({reason}); choose another with --host or --port") from cause
    return listener


def base_url(listener: socket.socket) -> str:
    """Where a client on this machine reaches the socket."""
    host, port = listener.getsockname()[:2]
    local = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)  # noqa: S104 - a comparison, not a binding
    return f"http://{f'[{local}]' if ':' in local and not local.startswith('[') else local}:{port}"


def _pump(functions: Sequence[Loaded]) -> Pump:
    calls = {loaded.function.queue: loaded for loaded in functions if loaded.function.queue}
    return Pump(
        bootstrap.source(),
        bootstrap.wiring(),
        bootstrap.clock(),
        calls,
        workers=bootstrap.settings().workers,
    )


class _Server(uvicorn.Server):
    """uvicorn, which also says when it is ready and ends the event feeds when it is not any more."""

    def __init__(self, gateway: Gateway, feed: Feed, ready: Callable[[], None], trusted_proxies: str) -> None:
        super().__init__(
            uvicorn.Config(
                gateway,
                lifespan="off",
                access_log=False,
                log_level="warning",
                timeout_graceful_shutdown=round(GRACE.total_seconds()),
                # By itself uvicorn believes every client on this machine: limits by address would not hold.
                proxy_headers=bool(trusted_proxies),
                forwarded_allow_ips=trusted_proxies,
            )
        )
        self._feed, self._ready = feed, ready

    def stop(self, *_: object) -> None:
        """Come to an end soon; fit to be a signal's handler."""
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._feed.stop()
        await super().shutdown(sockets)
