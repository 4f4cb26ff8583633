"""A private MiniStack: SQS, DynamoDB and Lambda of AWS, emulated in a process of its own."""

import io
import os
import struct
import sys
import time
import urllib.request
import zipfile
from contextlib import closing
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from signal import SIGTERM
from typing import Any

import botocore.session
import pytest

from tests.engines.server import Server, accepts, free_port
from tests.fakes.clock import START_UNIX_NANO, FakeClock

MISSING = "ministack is missing (PyPI ministack)"
ROLE = "arn:aws:iam::000000000000:role/any"

_PROCESS = Path(__file__).with_name("ministack_process.py")
_FUNCTION = "def handler(event, context):\n    return None\n"


class Ministack:
    """Listens on a free port of 127.0.0.1, keeps all in memory and its log in `folder`."""

    def __init__(self, folder: Path) -> None:
        if find_spec("ministack") is None:
            pytest.skip(MISSING)
        self.port = free_port()
        self._clock = folder / "clock"
        self._clock.write_bytes(bytes(8))
        self._server = Server(
            [sys.executable, "-P", _PROCESS, self._clock],  # not to find this module when it imports ministack
            folder / "ministack.log",
            lambda: accepts(self.port),
            cwd=folder,
            env=self._environment(folder),
        )
        self.start = self._server.start
        self.kill = self._server.kill

    def stop(self) -> None:
        self._server.stop(SIGTERM)

    @property
    def client_environment(self) -> dict[str, str]:
        """What clients need to find it."""
        return {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}",
            "AWS_DEFAULT_REGION": "eu-west-1",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def wipe(self) -> None:
        """Forget everything that was made."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/_ministack/reset", method="POST")
        with urllib.request.urlopen(request, timeout=30):  # noqa: S310 - to this machine
            self.time_goes_on()

    def stop_time(self, unix_nano: int) -> None:
        """Let it be `unix_nano` until told otherwise."""
        with self._clock.open("r+b") as file:  # in place: the process looks at this very file
            file.write(struct.pack("<q", unix_nano))

    def time_goes_on(self) -> None:
        """Let it be as late as it is."""
        self.stop_time(0)

    def _environment(self, folder: Path) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "SYSTEMROOT") if name in os.environ}
        return kept | {
            "GATEWAY_PORT": str(self.port),
            "BIND_HOST": "127.0.0.1",
            "LOG_LEVEL": "WARNING",
            "SERVICES": "sqs,dynamodb,lambda,iam,sts",
            "HOME": str(folder),
            "TMPDIR": str(folder),
        }


class MinistackClock(FakeClock):
    """A FakeClock whose time is MiniStack's, too."""

    def __init__(self, ministack: Ministack) -> None:
        super().__init__(START_UNIX_NANO)
        self._ministack = ministack
        self._ministack.stop_time(self.now_unix_nano())

    def follow_real_time(self) -> None:
        """Jump to now and go on from there, for MiniStack; this clock is an hour ahead and stands."""
        self._now = time.time_ns() + 3600 * 10**9
        self._ministack.time_goes_on()

    def advance(self, duration: timedelta | None = None, **units: float) -> None:
        super().advance(duration, **units)
        self._ministack.stop_time(self.now_unix_nano())


_session = botocore.session.Session()


def client(service: str) -> Any:
    """A client of its own for a test, to be closed."""
    return _session.create_client(service)


def make_table(name: str) -> None:
    """A DynamoDB table as `template.yaml` makes them, time-to-live apart."""
    with closing(client("dynamodb")) as dynamodb:
        dynamodb.create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[
                {"AttributeName": key, "AttributeType": "S"} for key in ("pk", "sk", "gsi_pk", "gsi_sk")
            ],
            KeySchema=_keys("pk", "sk"),
            GlobalSecondaryIndexes=[
                {
                    "IndexName": "gsi",
                    "KeySchema": _keys("gsi_pk", "gsi_sk"),
                    "Projection": {"ProjectionType": "ALL"},
                }
            ],
        )


def make_queue(name: str, *, receive_limit: int) -> None:
    """A queue with its dead letters, as the wiring makes them."""
    with closing(client("sqs")) as sqs:
        sqs.create_queue(QueueName=f"{name}-dlq")
        redrive = f'{{"deadLetterTargetArn": "{queue_arn(f"{name}-dlq")}", "maxReceiveCount": {receive_limit}}}'
        sqs.create_queue(QueueName=name, Attributes={"RedrivePolicy": redrive})


def queue_arn(name: str) -> str:
    return f"arn:aws:sqs:eu-west-1:000000000000:{name}"


def make_function(name: str, *, timeout_s: int) -> None:
    """A Lambda function that does nothing."""
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("handler.py", _FUNCTION)
    with closing(client("lambda")) as functions:
        functions.create_function(
            FunctionName=name,
            Runtime="python3.11",
            Handler="handler.handler",
            Role=ROLE,
            Timeout=timeout_s,
            Code={"ZipFile": code.getvalue()},
        )


def _keys(hash_key: str, range_key: str) -> list[dict[str, str]]:
    return [{"AttributeName": hash_key, "KeyType": "HASH"}, {"AttributeName": range_key, "KeyType": "RANGE"}]
