"""A process that uses a bus file, for tests: `python bus_process.py publish|consume|hold FILE NAME COUNT`.

It begins with the first line on its standard input; a consumer ends with the second, once it finds no more.

Prints the id and body of each message once it has been stored, or received (and, but for `hold`, acknowledged).
"""

import sys
from datetime import timedelta
from itertools import count, islice
from pathlib import Path
from threading import Event, Thread

from headrace.adapters.bus_sqlite import SqliteBus
from headrace.adapters.clock_system import SystemClock
from headrace.ports.bus import Message

LEASE = timedelta(minutes=10)


def main(role: str, file: str, name: str, number: str) -> None:
    bus = SqliteBus(Path(file), SystemClock(), receive_limit=12)
    say("ready", "")
    sys.stdin.readline()
    if role == "publish":
        publish(bus, name, int(number))
    else:
        consume(bus, acknowledge=role == "consume")
    bus.close()


def publish(bus: SqliteBus, name: str, number: int) -> None:
    """Zero publishes for ever."""
    for index in islice(count(), number or None):
        body = f"{name}-{index}"
        (message_id,) = bus.publish("q", [Message(body)])
        say(message_id, body)


def consume(bus: SqliteBus, *, acknowledge: bool) -> None:
    told = Event()
    Thread(target=lambda: (sys.stdin.readline(), told.set()), daemon=True).start()
    while True:
        no_more_come = told.is_set()
        messages = bus.receive("q", limit=3, lease=LEASE)
        if acknowledge:
            bus.acknowledge(messages)
        for message in messages:
            say(message.id, message.body)
        if not messages and no_more_come:
            return
        if not messages:
            bus.wait(timedelta(milliseconds=20))


def say(*words: str) -> None:
    print(*words, flush=True)


main(*sys.argv[1:])
