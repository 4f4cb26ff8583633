"""Connections that wait for the next request to the same origin."""

from collections import OrderedDict, deque
from threading import Lock

from headrace.adapters.outbound_urllib3.connections import Connection

Origin = tuple[str, str, int]

_MOST = 256


class IdleConnections:
    """At most 256 in all; the origin that was used longest ago gives one up. May be used from many threads."""

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._by_origin: OrderedDict[Origin, deque[Connection]] = OrderedDict()
        self._count = 0
        self._closed = False
        self._lock = Lock()

    def take(self, origin: Origin) -> Connection | None:
        """The connection used last, if one is still usable."""
        while (connection := self._pop(origin)) is not None:
            if connection.is_usable:
                return connection
            connection.close()
        return None

    def put(self, origin: Origin, connection: Connection) -> None:
        """Keep a connection whose answer was read to its end."""
        connection.rest()
        surplus: Connection | None = connection
        with self._lock:
            if not self._closed:
                self._by_origin.setdefault(origin, deque()).append(connection)
                self._by_origin.move_to_end(origin)
                self._count += 1
                surplus = self._oldest() if self._count > self._most else None
        if surplus is not None:
            surplus.close()

    def close(self) -> None:
        """Close all, and what is put from now on."""
        with self._lock:
            self._closed = True
            waiting = [each for kept in self._by_origin.values() for each in kept]
            self._by_origin.clear()
        for connection in waiting:
            connection.close()

    def _pop(self, origin: Origin) -> Connection | None:
        with self._lock:
            kept = self._by_origin.get(origin)
            return None if kept is None else self._drop(origin, kept.pop())

    def _oldest(self) -> Connection:
        origin, kept = next(iter(self._by_origin.items()))
        return self._drop(origin, kept.popleft())

    def _drop(self, origin: Origin, connection: Connection) -> Connection:
        self._count -= 1
        if not self._by_origin[origin]:
            del self._by_origin[origin]
        return connection
