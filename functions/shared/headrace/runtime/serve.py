"""Functions of `template.yaml` in this process, all or some, behind uvicorn and the pump.

Stopping (SIGTERM, Ctrl-C): take no new requests and messages, let what runs end within the grace time, and leave
the rest to its leases: it is delivered again after the next start.
"""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from types import FrameType

import uvicorn

from headrace import bootstrap, events
from headrace.errors import ConfigError, Unavailable
from headrace.observability import include, warn
from headrace.runtime.feed import Feed
from headrace.runtime.functions import GRACE, Deadline, Loaded, load
from headrace.runtime.gateway import Gateway
from headrace.runtime.metrics import Metrics
from headrace.runtime.probes import Probes
from headrace.runtime.pump import make_pump
from headrace.runtime.schedules import Job, Schedules, in_turn, scheduled_calls
from headrace.runtime.template import Function
from headrace.settings import Settings, misspelt
from headrace.upkeep.operations.turns import take_turn

_HTTP_THREADS = 16
_LOOK_EVERY_SECONDS = 0.02
_HOUSEKEEPING_EVERY = timedelta(minutes=1)


def serve(
    chosen: Sequence[Function],
    listener: socket.socket,
    ready: Callable[[], None],
    others_ready: Callable[[], bool] = lambda: True,
) -> None:
    """Run some functions until SIGTERM or SIGINT; call `ready` once requests are answered and `others_ready` says yes.

    Raises:
        ConfigError: a setting, a function or the store's schema that cannot work; what `others_ready` raises.
    """
    include("uvicorn", "asyncio")
    for name, meant in misspelt().items():
        warn(events.SettingNotKnown(name=name, did_you_mean=meant))
    _check_schema()
    deadline = Deadline()
    functions = [load(function, deadline) for function in chosen]
    feed, probes = Feed(bootstrap.api_keys().project_of), Probes()
    threads = ThreadPoolExecutor(_HTTP_THREADS, thread_name_prefix="http")
    settings, metrics = bootstrap.settings(), Metrics(bootstrap.bus(), bootstrap.wiring())
    gateway = Gateway(functions, threads, feed, settings.max_body_bytes, metrics, probes)
    pump, schedules = make_pump(functions), Schedules(in_turn(_jobs(functions), _take_turn))
    server = _Server(gateway, feed, ready, others_ready, probes, settings)
    server.take_signals()
    if pump is not None:
        pump.start()
    schedules.start()
    try:
        server.run(sockets=[listener])
    finally:
        schedules.stop()
        deadline.bring_forward(GRACE)
        ended = pump is None or pump.stop(GRACE)
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


def _check_schema() -> None:
    """A store that is down now may be up soon; one with an older schema waits for a person."""
    try:
        bootstrap.check_schema()
    except Unavailable as problem:
        warn(events.StoreWaits(reason=str(problem)))


def _jobs(functions: Sequence[Loaded]) -> list[Job]:
    """Schedules, and with them the housekeeping: who runs none of them leaves both to others."""
    jobs = scheduled_calls(functions)
    return [*jobs, ("housekeeping", _HOUSEKEEPING_EVERY, bootstrap.housekeep)] if jobs else []


def _take_turn(name: str, every: timedelta) -> bool:
    return take_turn(name, every, bootstrap.table("config"), bootstrap.clock())


class _Server(uvicorn.Server):
    """uvicorn, which also says when it is ready and ends the event feeds when it is not any more."""

    def __init__(
        self,
        gateway: Gateway,
        feed: Feed,
        ready: Callable[[], None],
        others_ready: Callable[[], bool],
        probes: Probes,
        settings: Settings,
    ) -> None:
        super().__init__(
            uvicorn.Config(
                gateway,
                lifespan="off",
                http="h11",  # whatever else is installed: it alone bounds how long a request's head may be
                access_log=False,
                log_config=None,
                timeout_graceful_shutdown=round(GRACE.total_seconds()),
                # By itself uvicorn believes every client on this machine: limits by address would not hold.
                proxy_headers=bool(settings.trusted_proxies),
                forwarded_allow_ips=settings.trusted_proxies,
            )
        )
        self._feed, self._ready, self._others_ready, self._probes = feed, ready, others_ready, probes
        self._drain_seconds = settings.drain_seconds
        self._draining = False

    def take_signals(self) -> None:
        """Until uvicorn takes them over, they are ours.

        When it is done it raises the one that stopped it once more, which must not end us before we are.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.stop)

    def stop(self, *_: object) -> None:
        """Come to an end soon; fit to be a signal's handler."""
        self._probes.close()
        self.should_exit = True

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Go on for a while at the first signal, so that a load balancer can notice; a second one ends that."""
        self._probes.close()
        if self._drain_seconds and not self._draining:
            self._draining = True
            asyncio.get_running_loop().call_later(self._drain_seconds, super().handle_exit, sig, frame)
        else:
            super().handle_exit(sig, frame)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        while not self._others_ready():
            await asyncio.sleep(_LOOK_EVERY_SECONDS)  # signals are heard all the while
            if self.should_exit:
                return
        self._probes.open()
        self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._feed.stop()
        await super().shutdown(sockets)
